"""What a conversation remembers: items and their content, as immutable values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

import msgspec

from rtaudio import protocol
from rtaudio.conversation.alignment import heard_words
from rtaudio.conversation.sound import Sound

if TYPE_CHECKING:
    from rtaudio.audio.clip import AudioClip

__all__ = [
    "ContentPart",
    "Item",
    "ItemStatus",
    "Role",
    "call_from_wire",
    "item_from_wire",
    "kept_sound",
    "with_sound",
]

Role = Literal["system", "user", "assistant"]
ItemStatus = Literal["in_progress", "completed", "incomplete"]

# Names that older servers use for parts of assistant messages.
_ASSISTANT_PART_TYPES = {"audio": "output_audio", "text": "output_text"}


class ContentPart(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a message.

    Attributes:
        type: `input_text`, `input_audio`, `input_image`, `output_text` or `output_audio`.
        text: the text of a text part.
        transcript: what an audio part says, as far as it is known.
        audio: the sound of an audio part, where it is kept; decoded, and where it is on disk read,
            at each access. Two parts are equal when they refer to the same kept sound, or hold
            equal clips.
        image_url: address or data URI of an image part.
        detail: how closely the model looks at an image part.
    """

    type: str
    text: str | None = None
    transcript: str | None = None
    audio: AudioClip | None = None
    image_url: str | None = None
    detail: str | None = None

    def __repr__(self) -> str:
        # Content is personal data and stays out of logs.
        return f"ContentPart(type={self.type!r})"


class _Decoded:
    """Reads a field that may hold kept sound, and gives a clip.

    The structure itself goes on with what is in the field: comparing, hashing, copying and
    `msgspec.structs.replace` decode nothing.
    """

    def __init__(self, field: Any) -> None:
        self.field = field

    def __get__(self, part: ContentPart | None, owner: type) -> Any:
        if part is None:
            return self
        held = self.field.__get__(part, owner)
        return held.clip() if isinstance(held, Sound) else held


_held = ContentPart.__dict__["audio"]
ContentPart.audio = _Decoded(_held)  # type: ignore[assignment]


def kept_sound(part: ContentPart) -> Sound | AudioClip | None:
    """What a part holds in the place of its sound, without decoding it."""
    held: Sound | AudioClip | None = _held.__get__(part, ContentPart)
    return held


def with_sound(part: ContentPart, sound: Sound | AudioClip | None) -> ContentPart:
    """The same part with this sound."""
    return msgspec.structs.replace(part, audio=sound)


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a conversation.

    Attributes:
        item_id: the service's id.
        type: `message`, `function_call`, `mcp_call` (on some servers `mcp_tool_call`) or
            `mcp_approval_request`.
        role: who speaks; None in a call.
        status: `in_progress`, `completed` or `incomplete`; a system message has none.
        content: the parts, in order.
        previous_item_id: the predecessor the service named when the item was placed.
        audio_end_ms: where the sound of an interrupted assistant message was cut, in
            milliseconds from its beginning; None where it was not cut.
        audio_ms: milliseconds of sound received of an assistant message, as of its last change;
            where it travels as media, those that there are, by the service's usage or an estimate.
            None where none was, or it is not known yet.
        audio_marks: what of the transcript arrived with which sound: pairs of milliseconds and the
            characters spoken by then.
        name: the function or tool that a call is of, or a request is about.
        call_id: what the output of a function's call names.
        arguments: of a call, JSON text; of an approval request, the object that it holds, or the
            text itself where it holds none.
        output: of a call, once it was answered.
        error: why a call to an MCP server failed.
        server_label: the MCP server, by the name the session gave it.
        approved: what was decided about an approval request; None before that.
    """

    item_id: str
    type: str = "message"
    role: Role | None = "user"
    status: ItemStatus | None = None
    content: tuple[ContentPart, ...] = ()
    previous_item_id: str | None = None
    audio_end_ms: int | None = None
    audio_ms: float | None = None
    audio_marks: tuple[tuple[float, int], ...] = ()
    name: str | None = None
    call_id: str | None = None
    arguments: str | dict[str, Any] | None = None
    output: str | None = None
    error: protocol.McpError | None = None
    server_label: str | None = None
    approved: bool | None = None

    def __repr__(self) -> str:
        return (
            f"Item(item_id={self.item_id!r}, type={self.type!r}, role={self.role!r}, "
            f"status={self.status!r}, parts={len(self.content)})"
        )

    @property
    def text(self) -> str:
        """The item in words: texts and transcripts of all its parts, joined by newlines."""
        words = (part.text or part.transcript for part in self.content)
        return "\n".join(word for word in words if word)

    @property
    def said(self) -> str:
        """All words of the item, heard or not: the same as `text`."""
        return self.text

    @property
    def heard(self) -> str:
        """The words that the user has heard; all that was `said`, unless the item was interrupted.

        Where the sound was cut at `audio_end_ms`, an estimate: words are taken to arrive just ahead
        of their sound (`audio_marks`), and to be spread evenly in between. It ends with a whole
        word, and may be some words off. Without `audio_ms` it is all that was said.
        """
        if self.audio_end_ms is None:
            return self.said
        words: list[str] = []
        for part in self.content:
            if part.type == "output_audio":
                transcript = part.transcript or ""
                words.append(
                    heard_words(transcript, self.audio_end_ms, self.audio_ms, self.audio_marks)
                )
                break
            words.append(part.text or part.transcript or "")
        return "\n".join(word for word in words if word)


def item_from_wire(
    wire: protocol.Item, *, default_status: ItemStatus, previous_item_id: str | None = None
) -> Item | None:
    """Turn a message or an MCP call as it came from the service into an item of history.

    Args:
        wire: the item as decoded.
        default_status: the status of an item that names none.
        previous_item_id: the predecessor named by the event, where it named one.

    Returns:
        The item, or None where it is neither, or has no id.
    """
    if isinstance(wire, protocol.McpCallItem) and wire.id:
        return Item(
            item_id=wire.id,
            type=wire.type,
            role=None,
            status=cast("ItemStatus", wire.status) if wire.status else default_status,
            previous_item_id=previous_item_id,
            name=wire.name,
            arguments=wire.arguments,
            output=wire.output,
            error=wire.error,
            server_label=wire.server_label,
        )
    if not isinstance(wire, protocol.MessageItem) or not wire.id:
        return None
    role = cast("Role", wire.role)
    status = None
    if role != "system":
        status = cast("ItemStatus", wire.status) if wire.status else default_status
    return Item(
        item_id=wire.id,
        role=role,
        status=status,
        content=tuple(_part_from_wire(part, role) for part in wire.content),
        previous_item_id=previous_item_id,
    )


def call_from_wire(wire: protocol.FunctionCallItem) -> Item:
    """Turn a call of a function into an item of history that waits for its output."""
    item_id = wire.id or wire.call_id or ""
    return Item(
        item_id=item_id,
        type="function_call",
        role=None,
        status="in_progress",
        name=wire.name,
        call_id=wire.call_id or item_id,
        arguments=wire.arguments,
    )


def _part_from_wire(part: protocol.ContentPart, role: Role) -> ContentPart:
    kind = part.type
    if role == "assistant":
        kind = _ASSISTANT_PART_TYPES.get(kind, kind)
    return ContentPart(
        type=kind,
        text=part.text,
        transcript=part.transcript,
        image_url=part.image_url,
        detail=part.detail,
    )
