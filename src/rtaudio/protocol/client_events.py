"""The events that a client sends.

Fields are named as on the wire. Constructors take keywords only and check nothing; what arrives at
a server is checked by `decode_client_event`.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import msgspec

from rtaudio.protocol.base import ClientEvent
from rtaudio.protocol.items import Item  # noqa: TC001 - msgspec reads the annotations

__all__ = [
    "CLIENT_EVENTS",
    "ConversationItemCreate",
    "ConversationItemDelete",
    "ConversationItemRetrieve",
    "ConversationItemTruncate",
    "InputAudioBufferAppend",
    "InputAudioBufferClear",
    "InputAudioBufferCommit",
    "OutputAudioBufferClear",
    "ResponseCancel",
    "ResponseCreate",
    "SessionUpdate",
]


NotNegative: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]


class SessionUpdate(ClientEvent, tag="session.update", frozen=True, kw_only=True):
    """Change the named settings.

    Attributes:
        session: a session object in wire form, with its `type`; a null switches a feature off.
    """

    session: dict[str, Any]


class InputAudioBufferAppend(
    ClientEvent, tag="input_audio_buffer.append", frozen=True, kw_only=True
):
    """Add sound to the input buffer; there is no answer.

    Attributes:
        audio: samples in the session's input format (base64 on the wire), at most 15 MiB.
    """

    audio: bytes


class InputAudioBufferCommit(
    ClientEvent, tag="input_audio_buffer.commit", frozen=True, kw_only=True
):
    """Turn the input buffer, of at least 100 ms, into a user item. Starts no response."""


class InputAudioBufferClear(ClientEvent, tag="input_audio_buffer.clear", frozen=True, kw_only=True):
    """Empty the input buffer."""


class ConversationItemCreate(
    ClientEvent, tag="conversation.item.create", frozen=True, kw_only=True
):
    """Add an item to the conversation. Starts no response.

    Attributes:
        item: what to add.
        previous_item_id: None or "" appends, `root` puts the item first, an id puts it after that.
    """

    item: Item
    previous_item_id: str | None = None


class ConversationItemRetrieve(
    ClientEvent, tag="conversation.item.retrieve", frozen=True, kw_only=True
):
    """Ask for an item with its audio."""

    item_id: str


class ConversationItemDelete(
    ClientEvent, tag="conversation.item.delete", frozen=True, kw_only=True
):
    """Remove an item."""

    item_id: str


class ConversationItemTruncate(
    ClientEvent, tag="conversation.item.truncate", frozen=True, kw_only=True
):
    """Tell the service how much of an assistant's audio message was heard.

    Attributes:
        item_id: the assistant's message.
        content_index: the part; 0.
        audio_end_ms: what was heard, in milliseconds from the part's beginning.
    """

    item_id: str
    content_index: NotNegative
    audio_end_ms: NotNegative


class ResponseCreate(ClientEvent, tag="response.create", frozen=True, kw_only=True):
    """Start a response.

    Attributes:
        response: settings for this response only, in wire form.
    """

    response: dict[str, Any] | None = None


class ResponseCancel(ClientEvent, tag="response.cancel", frozen=True, kw_only=True):
    """End a response in progress.

    Attributes:
        response_id: None means the default conversation's.
    """

    response_id: str | None = None


class OutputAudioBufferClear(
    ClientEvent, tag="output_audio_buffer.clear", frozen=True, kw_only=True
):
    """Drop what the service has queued for playback (WebRTC and SIP only)."""


CLIENT_EVENTS: tuple[type[ClientEvent], ...] = (
    SessionUpdate,
    InputAudioBufferAppend,
    InputAudioBufferCommit,
    InputAudioBufferClear,
    ConversationItemCreate,
    ConversationItemRetrieve,
    ConversationItemDelete,
    ConversationItemTruncate,
    ResponseCreate,
    ResponseCancel,
    OutputAudioBufferClear,
)
