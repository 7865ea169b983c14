"""The events of a response's items, in the protocol's order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from rtaudio.protocol import (
    ContentPart,
    ConversationItemAdded,
    ConversationItemDone,
    FunctionCallItem,
    MessageItem,
    ResponseContentPartAdded,
    ResponseContentPartDone,
    ResponseFunctionCallArgumentsDelta,
    ResponseFunctionCallArgumentsDone,
    ResponseOutputAudioDelta,
    ResponseOutputAudioDone,
    ResponseOutputAudioTranscriptDelta,
    ResponseOutputAudioTranscriptDone,
    ResponseOutputItemAdded,
    ResponseOutputItemDone,
    ResponseOutputTextDelta,
    ResponseOutputTextDone,
    new_id,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rtaudio.protocol import Item, ServerEvent
    from rtaudio.server.calls.playback import Playback
    from rtaudio.server.engines.base import ToolCall
    from rtaudio.server.items import ItemStore

__all__ = ["Message", "Output", "write_call"]

_ARGUMENTS_PIECE = 24  # characters of a call's arguments per delta


class Output:
    """The items of one response as they begin and end.

    Args:
        send: sends one event to the client.
        response_id: the response.
        items: the conversation that is written to; None for a response out of band.
    """

    def __init__(
        self,
        send: Callable[[ServerEvent], Awaitable[None]],
        response_id: str,
        items: ItemStore | None,
    ) -> None:
        self.send = send
        self.response_id = response_id
        self.items = items
        self.finished: list[Item] = []
        self._begun = 0

    async def begin(self, item: Item) -> tuple[int, str | None]:
        """Announce an item; returns its index, and the id of the item before it."""
        index = self._begun
        self._begun += 1
        previous = None if self.items is None else self.items.add(item)
        await self.send(
            ResponseOutputItemAdded(
                event_id=new_id("event"),
                response_id=self.response_id,
                output_index=index,
                item=item,
            )
        )
        if self.items is not None:
            await self.send(
                ConversationItemAdded(
                    event_id=new_id("event"), item=item, previous_item_id=previous
                )
            )
        return index, previous

    async def end(self, item: Item, index: int, previous: str | None) -> None:
        """Announce that an item is final."""
        self.finished.append(item)
        if self.items is not None:
            self.items.replace(item)
            await self.send(
                ConversationItemDone(event_id=new_id("event"), item=item, previous_item_id=previous)
            )
        await self.send(
            ResponseOutputItemDone(
                event_id=new_id("event"),
                response_id=self.response_id,
                output_index=index,
                item=item,
            )
        )


class Message:
    """An assistant's message that is being written or spoken.

    Args:
        output: the response's items.
        voice_rate: rate in Hz of the sound to be kept, None where the message is text.
        max_kept_bytes: of sound that is kept for `conversation.item.retrieve`.
        playback: speaks to the client of a call; None where sound goes out in events.
    """

    def __init__(
        self,
        output: Output,
        voice_rate: int | None,
        max_kept_bytes: int,
        playback: Playback | None = None,
    ) -> None:
        self._output = output
        self._voice_rate = voice_rate
        self._max_kept_bytes = max_kept_bytes
        self._playback = playback
        self._item = MessageItem(
            id=new_id("item"), status="in_progress", role="assistant", content=[]
        )
        self._texts: list[str] = []
        self._sound = bytearray()
        self._index = 0
        self._previous: str | None = None

    async def begin(self) -> None:
        """Announce the message and its only part."""
        self._index, self._previous = await self._output.begin(self._item)
        await self._send(ResponseContentPartAdded, part=self._part(""))
        if self._playback is not None and self._voice_rate is not None:
            self._playback.begin(self._output.response_id, self._item.id or "")

    async def write(self, text: str) -> None:
        """Send the next text, or the words of the next sound."""
        self._texts.append(text)
        kind = (
            ResponseOutputTextDelta
            if self._voice_rate is None
            else ResponseOutputAudioTranscriptDelta
        )
        await self._send(kind, delta=text)

    async def play(self, wire: bytes, pcm: bytes, total_ms: float) -> None:
        """Send sound.

        Args:
            wire: in the client's format.
            pcm: the same as the voice made it.
            total_ms: length of all that was sent, this included.
        """
        if (items := self._output.items) is not None:
            if len(self._sound) + len(pcm) <= self._max_kept_bytes:
                self._sound += pcm
            items.set_sound_ms(self._item.id or "", total_ms)
        if self._playback is not None:
            await self._playback.feed(self._output.response_id, wire)
        elif wire:
            await self._send(ResponseOutputAudioDelta, audio=wire)

    async def end(self, status: str, total_ms: float) -> None:
        """Announce that the message is final: `completed`, or `incomplete` when it was cut."""
        text = "".join(self._texts)
        if self._voice_rate is None:
            await self._send(ResponseOutputTextDone, text=text)
            part = ContentPart(type="output_text", text=text)
        else:
            await self._send(ResponseOutputAudioDone)
            await self._send(ResponseOutputAudioTranscriptDone, transcript=text)
            part = ContentPart(type="output_audio", transcript=text)
            self._keep_sound(total_ms)
        await self._send(ResponseContentPartDone, part=self._part(text))
        item = replace(self._item, status=status, content=[part])
        await self._output.end(item, self._index, self._previous)

    def _keep_sound(self, total_ms: float) -> None:
        items, item_id = self._output.items, self._item.id or ""
        if items is None or self._voice_rate is None:
            return
        whole = self._sound[: len(self._sound) // 2 * 2]
        items.keep_spoken(item_id, np.frombuffer(whole, np.int16), self._voice_rate, total_ms)

    def _part(self, text: str) -> ContentPart:
        if self._voice_rate is None:
            return ContentPart(type="text", text=text)
        return ContentPart(type="audio", transcript=text)

    async def _send(self, kind: Callable[..., ServerEvent], **fields: object) -> None:
        await self._output.send(
            kind(
                event_id=new_id("event"),
                response_id=self._output.response_id,
                item_id=self._item.id,
                output_index=self._index,
                content_index=0,
                **fields,
            )
        )


async def write_call(output: Output, call: ToolCall) -> None:
    """Announce a function call, whole."""
    item = FunctionCallItem(
        id=new_id("item"),
        status="in_progress",
        name=call.name,
        arguments="",
        call_id=new_id("call"),
    )
    index, previous = await output.begin(item)
    names = {
        "response_id": output.response_id,
        "item_id": item.id or "",
        "call_id": item.call_id or "",
    }
    for start in range(0, len(call.arguments), _ARGUMENTS_PIECE):
        await output.send(
            ResponseFunctionCallArgumentsDelta(
                event_id=new_id("event"),
                output_index=index,
                delta=call.arguments[start : start + _ARGUMENTS_PIECE],
                **names,
            )
        )
    await output.send(
        ResponseFunctionCallArgumentsDone(
            event_id=new_id("event"),
            output_index=index,
            arguments=call.arguments,
            name=call.name,
            **names,
        )
    )
    await output.end(replace(item, status="completed", arguments=call.arguments), index, previous)
