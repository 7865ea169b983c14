"""The events that the service sends.

Fields are named as on the wire, with one exception: an audio delta carries `audio`, the decoded
bytes, instead of the base64 text `delta`. `event_id` belongs to all of them.
"""

from __future__ import annotations

from typing import Any

import msgspec

from rtaudio.protocol.base import ServerEvent
from rtaudio.protocol.content import ContentPart  # noqa: TC001 - msgspec reads the annotations
from rtaudio.protocol.items import Item  # noqa: TC001 - msgspec reads the annotations
from rtaudio.protocol.responses import Response  # noqa: TC001 - msgspec reads the annotations

__all__ = [
    "SERVER_EVENTS",
    "ConversationCreated",
    "ConversationItemAdded",
    "ConversationItemCreated",
    "ConversationItemDeleted",
    "ConversationItemDone",
    "ConversationItemInputAudioTranscriptionCompleted",
    "ConversationItemInputAudioTranscriptionDelta",
    "ConversationItemInputAudioTranscriptionFailed",
    "ConversationItemInputAudioTranscriptionSegment",
    "ConversationItemRetrieved",
    "ConversationItemTruncated",
    "ErrorDetail",
    "ErrorEvent",
    "InputAudioBufferCleared",
    "InputAudioBufferCommitted",
    "InputAudioBufferDtmfEventReceived",
    "InputAudioBufferSpeechStarted",
    "InputAudioBufferSpeechStopped",
    "InputAudioBufferTimeoutTriggered",
    "LogProb",
    "McpListToolsCompleted",
    "McpListToolsFailed",
    "McpListToolsInProgress",
    "OutputAudioBufferCleared",
    "OutputAudioBufferStarted",
    "OutputAudioBufferStopped",
    "RateLimit",
    "RateLimitsUpdated",
    "ResponseContentPartAdded",
    "ResponseContentPartDone",
    "ResponseCreated",
    "ResponseDone",
    "ResponseFunctionCallArgumentsDelta",
    "ResponseFunctionCallArgumentsDone",
    "ResponseMcpCallArgumentsDelta",
    "ResponseMcpCallArgumentsDone",
    "ResponseMcpCallCompleted",
    "ResponseMcpCallFailed",
    "ResponseMcpCallInProgress",
    "ResponseOutputAudioDelta",
    "ResponseOutputAudioDone",
    "ResponseOutputAudioTranscriptDelta",
    "ResponseOutputAudioTranscriptDone",
    "ResponseOutputItemAdded",
    "ResponseOutputItemDone",
    "ResponseOutputTextDelta",
    "ResponseOutputTextDone",
    "SessionCreated",
    "SessionUpdated",
    "TranscriptionError",
    "TranscriptionLanguage",
    "TranscriptionUsage",
]


class _Detail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    pass


# --- session and service ----------------------------------------------------------------------


class SessionCreated(ServerEvent, tag="session.created", frozen=True, kw_only=True):
    """The first event on a connection: only now is it usable.

    Attributes:
        session: every setting in effect, plus `id`, `object` and `expires_at` (Unix seconds).
    """

    session: dict[str, Any]


class SessionUpdated(ServerEvent, tag="session.updated", frozen=True, kw_only=True):
    """A `session.update` took effect.

    Attributes:
        session: every setting in effect, not only the changed ones.
    """

    session: dict[str, Any]


class ErrorDetail(_Detail, omit_defaults=False, frozen=True, kw_only=True):
    """What an `error` event says.

    Attributes:
        type: `invalid_request_error`, `server_error`, ...
        message: for people; not stable.
        code: for programs, such as `invalid_value`.
        param: the path of the field that was wrong.
        event_id: the client event that is answered, where that had an id.
    """

    type: str
    message: str = ""
    code: str | None = None
    param: str | None = None
    event_id: str | None = None


class ErrorEvent(ServerEvent, tag="error", frozen=True, kw_only=True):
    """Something was refused or went wrong; mostly the session goes on."""

    error: ErrorDetail


class RateLimit(_Detail, frozen=True, kw_only=True):
    """What is left of an allowance.

    Attributes:
        name: `requests` or `tokens`.
        limit: the whole allowance.
        remaining: what is left of it, reservations taken off.
        reset_seconds: until it is full again.
    """

    name: str | None = None
    limit: int | None = None
    remaining: int | None = None
    reset_seconds: float | None = None


class RateLimitsUpdated(ServerEvent, tag="rate_limits.updated", frozen=True, kw_only=True):
    """Allowances after a response."""

    rate_limits: list[RateLimit]


class ConversationCreated(ServerEvent, tag="conversation.created", frozen=True, kw_only=True):
    """A conversation exists; beta servers send it.

    Attributes:
        conversation: `{"id", "object"}`.
    """

    conversation: dict[str, Any]


# --- input audio buffer -----------------------------------------------------------------------


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


# --- conversation items -----------------------------------------------------------------------


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


class LogProb(_Detail, frozen=True, kw_only=True):
    """How sure a transcription model was of one token."""

    token: str
    logprob: float
    bytes: list[int] | None = None


class ConversationItemInputAudioTranscriptionDelta(
    ServerEvent, tag="conversation.item.input_audio_transcription.delta", frozen=True, kw_only=True
):
    """A piece of a user's transcript; it may come before the item exists."""

    item_id: str
    content_index: int | None = None
    delta: str | None = None
    logprobs: list[LogProb] | None = None


class TranscriptionLanguage(_Detail, frozen=True, kw_only=True):
    """A language that was heard."""

    code: str


class TranscriptionInputTokenDetails(_Detail, frozen=True, kw_only=True):
    """Input tokens of a transcription by kind."""

    text_tokens: int | None = None
    audio_tokens: int | None = None


class TranscriptionUsage(_Detail, frozen=True, kw_only=True):
    """What a transcription used.

    Attributes:
        type: `tokens` or `duration`; it says which of the other fields are set.
        seconds: length of the audio billed.
        input_tokens: tokens read.
        output_tokens: tokens written.
        total_tokens: both.
        input_token_details: tokens read, by kind.
    """

    type: str
    seconds: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    input_token_details: TranscriptionInputTokenDetails | None = None


class ConversationItemInputAudioTranscriptionCompleted(
    ServerEvent,
    tag="conversation.item.input_audio_transcription.completed",
    frozen=True,
    kw_only=True,
):
    """The final transcript of a user's audio; it replaces what deltas built, and may be empty.

    Attributes:
        item_id: the user's item.
        content_index: the part of the item.
        transcript: the text.
        usage: what it cost; some servers leave it out.
        languages: those that were heard.
        logprobs: where the session asked for them.
    """

    item_id: str
    content_index: int
    transcript: str
    usage: TranscriptionUsage | None = None
    languages: list[TranscriptionLanguage] | None = None
    logprobs: list[LogProb] | None = None


class TranscriptionError(_Detail, omit_defaults=False, frozen=True, kw_only=True):
    """Why a transcription failed."""

    type: str | None = None
    code: str | None = None
    message: str | None = None
    param: str | None = None


class ConversationItemInputAudioTranscriptionFailed(
    ServerEvent, tag="conversation.item.input_audio_transcription.failed", frozen=True, kw_only=True
):
    """A user's audio could not be transcribed; the turn goes on."""

    item_id: str
    content_index: int
    error: TranscriptionError


class ConversationItemInputAudioTranscriptionSegment(
    ServerEvent,
    tag="conversation.item.input_audio_transcription.segment",
    frozen=True,
    kw_only=True,
):
    """What one speaker said, from models that tell speakers apart; `start` and `end` in seconds."""

    item_id: str
    content_index: int
    id: str
    text: str
    speaker: str
    start: float
    end: float


# --- life of a response -----------------------------------------------------------------------


class ResponseCreated(ServerEvent, tag="response.created", frozen=True, kw_only=True):
    """A response begins."""

    response: Response


class ResponseDone(ServerEvent, tag="response.done", frozen=True, kw_only=True):
    """A response ended, whatever the outcome; always its last event."""

    response: Response


class ResponseOutputItemAdded(
    ServerEvent, tag="response.output_item.added", frozen=True, kw_only=True
):
    """A response begins an item."""

    response_id: str
    output_index: int
    item: Item


class ResponseOutputItemDone(
    ServerEvent, tag="response.output_item.done", frozen=True, kw_only=True
):
    """A response finished an item, or was cut in it."""

    response_id: str
    output_index: int
    item: Item


class _ContentEvent(ServerEvent, frozen=True, kw_only=True):
    """What events about one content part have.

    Attributes:
        response_id: the response.
        item_id: the item.
        output_index: place of the item in the response.
        content_index: place of the part in the item.
    """

    response_id: str
    item_id: str
    output_index: int
    content_index: int


class ResponseContentPartAdded(
    _ContentEvent, tag="response.content_part.added", frozen=True, kw_only=True
):
    """A message part begins; its type is `text` or `audio` here."""

    part: ContentPart


class ResponseContentPartDone(
    _ContentEvent, tag="response.content_part.done", frozen=True, kw_only=True
):
    """A message part is final; its audio is not included."""

    part: ContentPart


# --- content of a response --------------------------------------------------------------------


class ResponseOutputTextDelta(
    _ContentEvent, tag="response.output_text.delta", frozen=True, kw_only=True
):
    """A piece of text."""

    delta: str


class ResponseOutputTextDone(
    _ContentEvent, tag="response.output_text.done", frozen=True, kw_only=True
):
    """The full text of a part."""

    text: str


class ResponseOutputAudioDelta(
    _ContentEvent, tag="response.output_audio.delta", frozen=True, kw_only=True
):
    """A piece of sound (WebSocket only).

    Attributes:
        audio: samples in the session's output format; `delta`, base64, on the wire.
    """

    audio: bytes = msgspec.field(name="delta")


class ResponseOutputAudioDone(
    _ContentEvent, tag="response.output_audio.done", frozen=True, kw_only=True
):
    """A part has no more sound. It says nothing about what has been heard."""


class ResponseOutputAudioTranscriptDelta(
    _ContentEvent, tag="response.output_audio_transcript.delta", frozen=True, kw_only=True
):
    """A piece of the text of the sound; it runs ahead of the sound."""

    delta: str


class ResponseOutputAudioTranscriptDone(
    _ContentEvent, tag="response.output_audio_transcript.done", frozen=True, kw_only=True
):
    """The text of all sound generated, heard or not."""

    transcript: str


class ResponseFunctionCallArgumentsDelta(
    ServerEvent, tag="response.function_call_arguments.delta", frozen=True, kw_only=True
):
    """A piece of a call's arguments."""

    response_id: str
    item_id: str
    output_index: int
    call_id: str
    delta: str


class ResponseFunctionCallArgumentsDone(
    ServerEvent, tag="response.function_call_arguments.done", frozen=True, kw_only=True
):
    """The full arguments of a call.

    Attributes:
        response_id: the response.
        item_id: the call's item.
        output_index: place of the item in the response.
        call_id: what the output has to name.
        arguments: JSON text, perhaps malformed.
        name: the tool; older servers leave it out, and the item has it.
    """

    response_id: str
    item_id: str
    output_index: int
    call_id: str
    arguments: str
    name: str | None = None


class ResponseMcpCallArgumentsDelta(
    ServerEvent, tag="response.mcp_call_arguments.delta", frozen=True, kw_only=True
):
    """A piece of the arguments of an MCP call."""

    response_id: str
    item_id: str
    output_index: int
    delta: str


class ResponseMcpCallArgumentsDone(
    ServerEvent, tag="response.mcp_call_arguments.done", frozen=True, kw_only=True
):
    """The full arguments of an MCP call."""

    response_id: str
    item_id: str
    output_index: int
    arguments: str


# --- hosted MCP tools -------------------------------------------------------------------------


class McpListToolsInProgress(
    ServerEvent, tag="mcp_list_tools.in_progress", frozen=True, kw_only=True
):
    """The service asks an MCP server for its tools."""

    item_id: str


class McpListToolsCompleted(ServerEvent, tag="mcp_list_tools.completed", frozen=True, kw_only=True):
    """The MCP server answered; the list is in the item."""

    item_id: str


class McpListToolsFailed(ServerEvent, tag="mcp_list_tools.failed", frozen=True, kw_only=True):
    """The MCP server could not be reached, or refused."""

    item_id: str


class ResponseMcpCallInProgress(
    ServerEvent, tag="response.mcp_call.in_progress", frozen=True, kw_only=True
):
    """An MCP call runs."""

    item_id: str
    output_index: int


class ResponseMcpCallCompleted(
    ServerEvent, tag="response.mcp_call.completed", frozen=True, kw_only=True
):
    """An MCP call succeeded; the result is in the item."""

    item_id: str
    output_index: int


class ResponseMcpCallFailed(ServerEvent, tag="response.mcp_call.failed", frozen=True, kw_only=True):
    """An MCP call failed; the item says why."""

    item_id: str
    output_index: int


# --- playback by the service (WebRTC and SIP only) --------------------------------------------


class OutputAudioBufferStarted(
    ServerEvent, tag="output_audio_buffer.started", frozen=True, kw_only=True
):
    """The service began to play a response."""

    response_id: str


class OutputAudioBufferStopped(
    ServerEvent, tag="output_audio_buffer.stopped", frozen=True, kw_only=True
):
    """All of a response was played: the assistant fell silent."""

    response_id: str


class OutputAudioBufferCleared(
    ServerEvent, tag="output_audio_buffer.cleared", frozen=True, kw_only=True
):
    """The rest of a response was dropped."""

    response_id: str


SERVER_EVENTS: tuple[type[ServerEvent], ...] = (
    SessionCreated,
    SessionUpdated,
    ErrorEvent,
    RateLimitsUpdated,
    ConversationCreated,
    InputAudioBufferSpeechStarted,
    InputAudioBufferSpeechStopped,
    InputAudioBufferCommitted,
    InputAudioBufferCleared,
    InputAudioBufferTimeoutTriggered,
    InputAudioBufferDtmfEventReceived,
    ConversationItemAdded,
    ConversationItemDone,
    ConversationItemCreated,
    ConversationItemRetrieved,
    ConversationItemTruncated,
    ConversationItemDeleted,
    ConversationItemInputAudioTranscriptionDelta,
    ConversationItemInputAudioTranscriptionCompleted,
    ConversationItemInputAudioTranscriptionFailed,
    ConversationItemInputAudioTranscriptionSegment,
    ResponseCreated,
    ResponseDone,
    ResponseOutputItemAdded,
    ResponseOutputItemDone,
    ResponseContentPartAdded,
    ResponseContentPartDone,
    ResponseOutputTextDelta,
    ResponseOutputTextDone,
    ResponseOutputAudioDelta,
    ResponseOutputAudioDone,
    ResponseOutputAudioTranscriptDelta,
    ResponseOutputAudioTranscriptDone,
    ResponseFunctionCallArgumentsDelta,
    ResponseFunctionCallArgumentsDone,
    ResponseMcpCallArgumentsDelta,
    ResponseMcpCallArgumentsDone,
    McpListToolsInProgress,
    McpListToolsCompleted,
    McpListToolsFailed,
    ResponseMcpCallInProgress,
    ResponseMcpCallCompleted,
    ResponseMcpCallFailed,
    OutputAudioBufferStarted,
    OutputAudioBufferStopped,
    OutputAudioBufferCleared,
)
