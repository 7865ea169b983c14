"""What a responder reads: the conversation's items, with words in place of the user's sound."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from rtaudio.audio import AudioConverter, AudioFormat
from rtaudio.protocol import MessageItem, wire_format

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from rtaudio.protocol import ContentPart, Item
    from rtaudio.server.config import SessionConfig
    from rtaudio.server.items import ItemStore
    from rtaudio.server.listening.recognition import RecognitionPool

__all__ = ["Hearing"]


class Hearing:
    """Finds out what spoken items say, for one session.

    Words come from a transcript, from a transcription under way, or else from the recogniser,
    whose result is then kept for the next response.

    Args:
        config: the session's settings.
        items: the session's items.
        pool: where speech is recognised.
    """

    def __init__(self, config: SessionConfig, items: ItemStore, pool: RecognitionPool) -> None:
        self._config = config
        self._items = items
        self._pool = pool
        self._under_way: dict[str, asyncio.Task[None]] = {}

    def expect(self, item_id: str, transcription: asyncio.Task[None]) -> None:
        """Know of a task that will set an item's transcript."""
        self._under_way[item_id] = transcription
        transcription.add_done_callback(lambda _: self._under_way.pop(item_id, None))

    async def readable(self, items: Iterable[Item]) -> list[Item]:
        """Return the items with a transcript in each of the user's spoken parts.

        Sound that is no longer kept gives no words.

        Raises:
            Exception: whatever the recogniser raised.
        """
        return [await self._readable(item) for item in items]

    async def _readable(self, item: Item) -> Item:
        if not isinstance(item, MessageItem) or item.role != "user":
            return item
        content = [
            replace(part, audio=None, transcript=await self._words(item.id or "", index, part))
            if part.type == "input_audio"
            else part
            for index, part in enumerate(item.content)
        ]
        return replace(item, content=content)

    async def _words(self, item_id: str, index: int, part: ContentPart) -> str:
        if task := self._under_way.get(item_id):
            await asyncio.wait([task])
        part = self._present(item_id, index, part)
        if isinstance(part.transcript, str):
            return part.transcript
        if (known := self._items.heard(item_id, index)) is not None:
            return known
        samples = self._samples(item_id, part)
        if samples is None:
            return ""
        wanted = self._config.transcription or {}
        texts = self._pool.transcribe(self, samples, language=wanted.get("language"))
        words = "".join([text async for text in texts]).strip()
        self._items.set_heard(item_id, index, words)
        return words

    def _present(self, item_id: str, index: int, part: ContentPart) -> ContentPart:
        """The part as it is now: items are replaced when their transcript is there."""
        try:
            item = self._items.get(item_id)
        except KeyError:
            return part
        if isinstance(item, MessageItem) and index < len(item.content):
            return item.content[index]
        return part

    def _samples(self, item_id: str, part: ContentPart) -> NDArray[np.int16] | None:
        if part.audio:  # a part of an item that the client created
            wire = wire_format(self._config.settings, "input")
            converter = AudioConverter(wire, AudioFormat("pcm16", self._pool.sample_rate))
            return np.frombuffer(converter.process(part.audio) + converter.flush(), np.int16)
        kept = self._items.sound(item_id)
        return None if kept is None else kept.samples
