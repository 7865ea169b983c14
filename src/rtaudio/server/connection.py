"""One client: its session, its conversation, and the answers to its events."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any, Literal

from msgspec.structs import replace

from rtaudio.audio import AudioConverter, AudioFormat
from rtaudio.protocol import (
    ConversationItemAdded,
    ConversationItemCreate,
    ConversationItemDelete,
    ConversationItemDeleted,
    ConversationItemDone,
    ConversationItemRetrieve,
    ConversationItemRetrieved,
    ConversationItemTruncate,
    ConversationItemTruncated,
    ErrorDetail,
    ErrorEvent,
    InputAudioBufferAppend,
    InputAudioBufferClear,
    InputAudioBufferCommit,
    InvalidEvent,
    MessageItem,
    OutputAudioBufferClear,
    ResponseCancel,
    ResponseCreate,
    SessionCreated,
    SessionUpdate,
    SessionUpdated,
    decode_client_event,
    encode_event,
    new_id,
    wire_format,
)
from rtaudio.server.hearing import Hearing
from rtaudio.server.items import ItemStore, ItemTooLarge
from rtaudio.server.responses import Responses
from rtaudio.server.speech_input import SpeechInput

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rtaudio.protocol import ClientEvent, Item, ServerEvent
    from rtaudio.server.config import SessionConfig
    from rtaudio.server.engines.base import Responder, Voice, VoiceDetector
    from rtaudio.server.limits import Limits
    from rtaudio.server.line import Line
    from rtaudio.server.recognition import RecognitionPool

__all__ = ["Connection"]

_log = logging.getLogger(__name__)


class Connection:
    """Serves one client until its line closes.

    Args:
        line: carries the events.
        config: the session's settings, to begin with.
        pool: where speech is recognised; shared with other connections.
        detector: the voice activity engine; shared with other connections.
        responder: decides what is answered; shared with other connections.
        voice: speaks it, shared too; None answers in text.
        limits: what this client is allowed.
    """

    def __init__(
        self,
        line: Line,
        *,
        config: SessionConfig,
        pool: RecognitionPool,
        detector: VoiceDetector,
        responder: Responder,
        voice: Voice | None,
        limits: Limits,
    ) -> None:
        self._line = line
        self._config = config
        self._items = ItemStore(max_items=limits.items, max_bytes=limits.retained_bytes)
        hearing = Hearing(config, self._items, pool)
        self._responses = Responses(
            self._send,
            config,
            self._items,
            hearing=hearing,
            responder=responder,
            voice=voice,
            limits=limits,
        )
        self._speech = SpeechInput(
            self._send,
            config,
            self._items,
            hearing=hearing,
            responses=self._responses,
            pool=pool,
            detector=detector,
            limits=limits,
        )
        self._handlers: dict[type[ClientEvent], Callable[[Any], Awaitable[None]]] = {
            SessionUpdate: self._update_session,
            InputAudioBufferAppend: self._append,
            InputAudioBufferCommit: self._commit,
            InputAudioBufferClear: self._clear,
            ConversationItemCreate: self._create_item,
            ConversationItemRetrieve: self._retrieve_item,
            ConversationItemDelete: self._delete_item,
            ConversationItemTruncate: self._truncate_item,
            ResponseCreate: self._create_response,
            ResponseCancel: self._cancel_response,
            OutputAudioBufferClear: self._clear_output,
        }

    async def run(self) -> None:
        """Serve the client until the line closes, from either side."""
        try:
            await self._send(
                SessionCreated(event_id=new_id("event"), session=self._config.settings)
            )
            async for message in self._line:
                await self._receive(message)
        except ConnectionError:
            pass
        finally:
            await self._responses.close()
            await self._speech.close()

    async def _send(self, event: ServerEvent) -> None:
        """Send an event; raises ConnectionError once the client is gone."""
        await self._line.send(encode_event(event))

    async def _receive(self, message: str | bytes) -> None:
        event_id = None
        try:
            if isinstance(message, bytes):
                raise InvalidEvent(
                    "Binary messages are not accepted; send JSON as text.", code="invalid_event"
                )
            event = decode_client_event(message)
            event_id = event.event_id
            await self._handlers[type(event)](event)
        except InvalidEvent as error:
            detail = ErrorDetail(
                type="invalid_request_error",
                message=str(error),
                code=error.code,
                param=error.param,
                event_id=error.event_id or event_id,
            )
            await self._send(ErrorEvent(event_id=new_id("event"), error=detail))
        except ConnectionError:
            raise
        except Exception as error:
            # A fault of ours must not cost the client its session. Its text may hold content.
            _log.error("a client event failed: %s", type(error).__name__)
            detail = ErrorDetail(
                type="server_error", message="The service failed.", event_id=event_id
            )
            await self._send(ErrorEvent(event_id=new_id("event"), error=detail))

    # Session and sound.

    async def _update_session(self, event: SessionUpdate) -> None:
        fresh = not self._speech.used and len(self._items) == 0
        self._config.update(event.session, may_change_type=fresh)
        self._speech.reconfigure()
        await self._send(SessionUpdated(event_id=new_id("event"), session=self._config.settings))

    async def _append(self, event: InputAudioBufferAppend) -> None:
        await self._speech.append(event.audio)

    async def _commit(self, event: InputAudioBufferCommit) -> None:  # noqa: ARG002
        await self._speech.commit()

    async def _clear(self, event: InputAudioBufferClear) -> None:  # noqa: ARG002
        await self._speech.clear()

    # Items.

    async def _create_item(self, event: ConversationItemCreate) -> None:
        if self._config.kind == "transcription":
            raise InvalidEvent(
                "A transcription session has no items but those made from its audio.",
                code="invalid_value",
                param="type",
            )
        item = replace(event.item, id=event.item.id or new_id("item"), status="completed")
        try:
            previous = self._items.add(item, event.previous_item_id)
        except KeyError:
            raise _no_item(event.previous_item_id, "previous_item_id", "item_create") from None
        except ItemTooLarge:
            raise InvalidEvent(
                "The item is larger than a whole conversation may be here.",
                code="item_too_large",
                param="item",
            ) from None
        item = _announced(item)
        for kind in (ConversationItemAdded, ConversationItemDone):
            await self._send(kind(event_id=new_id("event"), item=item, previous_item_id=previous))

    async def _retrieve_item(self, event: ConversationItemRetrieve) -> None:
        item = self._find(event.item_id, "item_retrieve")
        sound = self._items.sound(event.item_id)
        if sound is not None and isinstance(item, MessageItem) and item.content:
            side: Literal["input", "output"] = "output" if item.role == "assistant" else "input"
            wire = wire_format(self._config.settings, side)
            converter = AudioConverter(AudioFormat("pcm16", sound.sample_rate), wire)
            audio = converter.process(sound.samples) + converter.flush()
            item = replace(item, content=[replace(item.content[0], audio=audio)])
        await self._send(ConversationItemRetrieved(event_id=new_id("event"), item=item))

    async def _delete_item(self, event: ConversationItemDelete) -> None:
        self._find(event.item_id, "item_delete")
        self._items.delete(event.item_id)
        await self._send(ConversationItemDeleted(event_id=new_id("event"), item_id=event.item_id))

    async def _truncate_item(self, event: ConversationItemTruncate) -> None:
        item = self._find(event.item_id, "item_truncate")
        has_ms = self._items.sound_ms(event.item_id)
        if not isinstance(item, MessageItem) or item.role != "assistant" or not has_ms:
            raise InvalidEvent(
                "Only an assistant's audio message can be truncated.",
                code="unsupported_content_type",
                param="item_id",
            )
        if event.content_index != 0:
            raise InvalidEvent(
                f"The item has no content part {event.content_index}.",
                code="invalid_value",
                param="content_index",
            )
        if event.audio_end_ms > math.ceil(has_ms):
            raise InvalidEvent(
                f"The item has {has_ms:.0f} ms of audio; it can't end at {event.audio_end_ms} ms.",
                code="invalid_value",
                param="audio_end_ms",
            )
        self._items.truncate(event.item_id, event.audio_end_ms)
        await self._send(
            ConversationItemTruncated(
                event_id=new_id("event"),
                item_id=event.item_id,
                content_index=event.content_index,
                audio_end_ms=event.audio_end_ms,
            )
        )

    def _find(self, item_id: str, action: str) -> Item:
        try:
            return self._items.get(item_id)
        except KeyError:
            raise _no_item(item_id, "item_id", action) from None

    # Responses.

    async def _create_response(self, event: ResponseCreate) -> None:
        self._responses.create(event.response)

    async def _cancel_response(self, event: ResponseCancel) -> None:
        await self._responses.cancel(event.response_id)

    async def _clear_output(self, event: OutputAudioBufferClear) -> None:  # noqa: ARG002
        raise InvalidEvent(
            "A WebSocket session has no output audio buffer.",
            code="invalid_event_for_transport",
            param="type",
        )


def _announced(item: Item) -> Item:
    """An item as events show it: what was sent as sound or image is only in `retrieved`."""
    if not isinstance(item, MessageItem):
        return item
    content = [replace(part, audio=None, image_url=None) for part in item.content]
    return replace(item, content=content)


def _no_item(item_id: str | None, param: str, action: str) -> InvalidEvent:
    return InvalidEvent(
        f"There is no item {item_id!r}.", code=f"{action}_invalid_item_id", param=param
    )
