"""What the service says about a response: its life, its content, its tools and its playback.

Fields are named as on the wire, with one exception: an audio delta carries `audio`, the decoded
bytes, instead of the base64 text `delta`.
"""

from __future__ import annotations

import msgspec

from rtaudio.protocol.base import ServerEvent
from rtaudio.protocol.content import ContentPart  # noqa: TC001 - msgspec reads the annotations
from rtaudio.protocol.items import Item  # noqa: TC001 - msgspec reads the annotations
from rtaudio.protocol.responses import Response  # noqa: TC001 - msgspec reads the annotations

__all__ = [
    "ContentEvent",
    "McpListToolsCompleted",
    "McpListToolsFailed",
    "McpListToolsInProgress",
    "OutputAudioBufferCleared",
    "OutputAudioBufferStarted",
    "OutputAudioBufferStopped",
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
]


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


class ContentEvent(ServerEvent, frozen=True, kw_only=True):
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
    ContentEvent, tag="response.content_part.added", frozen=True, kw_only=True
):
    """A message part begins; its type is `text` or `audio` here."""

    part: ContentPart


class ResponseContentPartDone(
    ContentEvent, tag="response.content_part.done", frozen=True, kw_only=True
):
    """A message part is final; its audio is not included."""

    part: ContentPart


class ResponseOutputTextDelta(
    ContentEvent, tag="response.output_text.delta", frozen=True, kw_only=True
):
    """A piece of text."""

    delta: str


class ResponseOutputTextDone(
    ContentEvent, tag="response.output_text.done", frozen=True, kw_only=True
):
    """The full text of a part."""

    text: str


class ResponseOutputAudioDelta(
    ContentEvent, tag="response.output_audio.delta", frozen=True, kw_only=True
):
    """A piece of sound (WebSocket only).

    Attributes:
        audio: samples in the session's output format; `delta`, base64, on the wire.
    """

    audio: bytes = msgspec.field(name="delta")


class ResponseOutputAudioDone(
    ContentEvent, tag="response.output_audio.done", frozen=True, kw_only=True
):
    """A part has no more sound. It says nothing about what has been heard."""


class ResponseOutputAudioTranscriptDelta(
    ContentEvent, tag="response.output_audio_transcript.delta", frozen=True, kw_only=True
):
    """A piece of the text of the sound; it runs ahead of the sound."""

    delta: str


class ResponseOutputAudioTranscriptDone(
    ContentEvent, tag="response.output_audio_transcript.done", frozen=True, kw_only=True
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
