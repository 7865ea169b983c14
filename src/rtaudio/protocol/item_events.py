"""What the service says about the input audio buffer and the conversation's items."""

from __future__ import annotations

from rtaudio.protocol.base import ServerEvent
from rtaudio.protocol.items import Item  # noqa: TC001 - msgspec reads the annotations

__all__ = [
    "ConversationItemAdded",
    "ConversationItemCreated",
    "ConversationItemDeleted",
    "ConversationItemDone",
    "ConversationItemRetrieved",
    "ConversationItemTruncated",
    "InputAudioBufferCleared",
    "InputAudioBufferCommitted",
    "InputAudioBufferDtmfEventReceived",
    "InputAudioBufferSpeechStarted",
    "InputAudioBufferSpeechStopped",
    "InputAudioBufferTimeoutTriggered",
]


class InputAudioBufferSpeechStarted(
    ServerEvent, tag="input_audio_buffer.speech_started", frozen=True, kw_only=True
):
    """Turn detection hears speech.

    Attributes:
        item_id: the id that the user's item will have.
        audio_start_ms: from the first sample of the session, padding already included.
    """

    item_id: str
    audio_start_ms: int


class InputAudioBufferSpeechStopped(
    ServerEvent, tag="input_audio_buffer.speech_stopped", frozen=True, kw_only=True
):
    """Turn detection hears the end of speech.

    Attributes:
        item_id: the id that the user's item will have.
        audio_end_ms: from the first sample of the session, the awaited silence included.
    """

    item_id: str
    audio_end_ms: int


class InputAudioBufferCommitted(
    ServerEvent, tag="input_audio_buffer.committed", omit_defaults=False, frozen=True, kw_only=True
):
    """The buffer became a user item.

    Attributes:
        item_id: the user's item.
        previous_item_id: the item it follows; None at the beginning.
    """

    item_id: str
    previous_item_id: str | None = None


class InputAudioBufferCleared(
    ServerEvent, tag="input_audio_buffer.cleared", frozen=True, kw_only=True
):
    """The buffer was emptied."""


class InputAudioBufferTimeoutTriggered(
    ServerEvent, tag="input_audio_buffer.timeout_triggered", frozen=True, kw_only=True
):
    """Nobody spoke for `idle_timeout_ms`; the silence between the two times is committed."""

    item_id: str
    audio_start_ms: int
    audio_end_ms: int


class InputAudioBufferDtmfEventReceived(
    ServerEvent, tag="input_audio_buffer.dtmf_event_received", frozen=True, kw_only=True
):
    """A telephone key was pressed (SIP only). It has no `event_id`.

    Attributes:
        event: 0-9, `*`, `#` or A-D.
        received_at: Unix seconds.
    """

    event: str
    received_at: int


class ConversationItemAdded(
    ServerEvent, tag="conversation.item.added", omit_defaults=False, frozen=True, kw_only=True
):
    """An item entered the conversation, after `previous_item_id`."""

    item: Item
    previous_item_id: str | None = None


class ConversationItemDone(
    ServerEvent, tag="conversation.item.done", omit_defaults=False, frozen=True, kw_only=True
):
    """An item is final. The order of items is in `conversation.item.added`, not here."""

    item: Item
    previous_item_id: str | None = None


class ConversationItemCreated(
    ServerEvent, tag="conversation.item.created", omit_defaults=False, frozen=True, kw_only=True
):
    """What beta servers send for `added` and `done` together."""

    item: Item
    previous_item_id: str | None = None


class ConversationItemRetrieved(
    ServerEvent, tag="conversation.item.retrieved", frozen=True, kw_only=True
):
    """A whole item, with its audio."""

    item: Item


class ConversationItemTruncated(
    ServerEvent, tag="conversation.item.truncated", frozen=True, kw_only=True
):
    """An assistant's audio was cut at `audio_end_ms`, and its transcript dropped."""

    item_id: str
    content_index: int
    audio_end_ms: int


class ConversationItemDeleted(
    ServerEvent, tag="conversation.item.deleted", frozen=True, kw_only=True
):
    """An item was removed."""

    item_id: str
