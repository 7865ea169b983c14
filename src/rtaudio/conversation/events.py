"""What a session tells the application.

Every event has a `type`, its name for `session.on(...)`. `context` and `agent` are filled in by the
session that delivers it. Representations show ids only: text and sound stay out of logs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rtaudio.conversation.calls import FunctionCall
    from rtaudio.conversation.history import History
    from rtaudio.conversation.item_list import ItemList
    from rtaudio.conversation.items import Item
    from rtaudio.conversation.mcp import McpTool
    from rtaudio.conversation.usage import Usage
    from rtaudio.conversation.usage_limit import UsageLimit

__all__ = [
    "AgentEnd",
    "AgentHandoff",
    "AgentStart",
    "AgentToolEnd",
    "AgentToolStart",
    "Audio",
    "AudioInterrupted",
    "AudioStart",
    "AudioStopped",
    "ConnectionChange",
    "Error",
    "GuardrailTrip",
    "HistoryAdded",
    "HistoryUpdated",
    "InputAudioCommitted",
    "InputAudioTimeoutTriggered",
    "InputTranscriptDelta",
    "McpToolCallCompleted",
    "McpToolsChanged",
    "Reconnected",
    "Reconnecting",
    "SessionEvent",
    "TextDelta",
    "ToolApprovalRequested",
    "TranscriptCompleted",
    "TranscriptDelta",
    "TranscriptFailed",
    "TransportEvent",
    "UsageLimitReached",
]


class SessionEvent(msgspec.Struct, kw_only=True):
    """The root of all session events.

    Attributes:
        type: the event's name.
        context: the session's `RunContext`.
        agent: the agent that is current, None in a session without one.
    """

    type: ClassVar[str] = ""
    context: Any = None
    agent: Any = None

    def __repr__(self) -> str:
        ids = ", ".join(
            f"{name}={getattr(self, name)!r}"
            for name in self.__struct_fields__
            if name.endswith("_id") or name in ("content_index", "status")
        )
        return f"{type(self).__name__}({ids})"


class TransportEvent(SessionEvent, kw_only=True):
    """A well-formed event of the service, before any effect; also of types unknown to us."""

    type: ClassVar[str] = "transport_event"
    raw: bytes | bytearray | memoryview | str | Mapping[str, Any] | msgspec.Struct

    @property
    def event(self) -> dict[str, Any]:
        """The event as a mapping with all its fields, a new copy at each call."""
        if isinstance(self.raw, (bytes, bytearray, memoryview, str)):
            copy: dict[str, Any] = msgspec.json.decode(self.raw, type=dict)
        else:
            copy = msgspec.json.decode(msgspec.json.encode(self.raw), type=dict)
        return copy


class AgentStart(SessionEvent, kw_only=True):
    """A response began."""

    type: ClassVar[str] = "agent_start"
    response_id: str | None = None


class AgentEnd(SessionEvent, kw_only=True):
    """A response ended; `output` is the text of its last message, `""` where it had none."""

    type: ClassVar[str] = "agent_end"
    output: str = ""
    response_id: str | None = None


class AgentHandoff(SessionEvent, kw_only=True):
    """Another agent has taken over, with its own instructions and tools."""

    type: ClassVar[str] = "agent_handoff"
    from_agent: Any
    to_agent: Any


class AgentToolStart(SessionEvent, kw_only=True):
    """A tool is about to run, or a call of it was refused.

    Attributes:
        tool: the tool.
        tool_call: what the model asked for: `name`, `arguments`, `call_id`.
    """

    type: ClassVar[str] = "agent_tool_start"
    tool: Any
    tool_call: FunctionCall


class AgentToolEnd(SessionEvent, kw_only=True):
    """A call was answered.

    Attributes:
        tool: the tool.
        tool_call: what the model asked for.
        result: the text that the model reads.
        value: what the tool returned.
    """

    type: ClassVar[str] = "agent_tool_end"
    tool: Any
    tool_call: FunctionCall
    result: str
    value: Any


class GuardrailTrip(SessionEvent, kw_only=True):
    """What the model or the user says was refused; `agent` is who says it, or was to answer it.

    Attributes:
        source: `output` for what the model says, `input` for what the user says.
        item_id: the item that was checked; `""` where there is none: a message that was not sent.
        response_id: the response; None for what the user says.
        guardrail: the first that refused.
        result: what it found.
        results: all that refused, each with `guardrail` and `result`.
        error: the same as an exception.
    """

    type: ClassVar[str] = "guardrail_tripped"
    source: Literal["input", "output"]
    item_id: str
    response_id: str | None
    guardrail: Any
    result: Any
    results: tuple[Any, ...]
    error: Exception


class ToolApprovalRequested(SessionEvent, kw_only=True):
    """A call waits for a person; the model waits with it.

    Attributes:
        approval: for `session.approve(approval)` or `session.reject(approval)`; its `type` is
            `function_approval`, or `mcp_approval_request` where the service wants to make the call.
    """

    type: ClassVar[str] = "tool_approval_requested"
    approval: Any


class McpToolsChanged(SessionEvent, kw_only=True):
    """Which MCP tools the service may call for the current agent is not what it was."""

    type: ClassVar[str] = "mcp_tools_changed"
    tools: tuple[McpTool, ...]


class McpToolCallCompleted(SessionEvent, kw_only=True):
    """The service has called an MCP tool; `tool_call` is the call's item in history."""

    type: ClassVar[str] = "mcp_tool_call_completed"
    tool_call: Item


class AudioStart(SessionEvent, kw_only=True):
    """The first sound of a turn is about to be delivered."""

    type: ClassVar[str] = "audio_start"


class Audio(SessionEvent, kw_only=True):
    """A piece of the answer's sound.

    Attributes:
        data: PCM16 in the session's `output_audio` format; in the format negotiated with the
            service where that option is not set.
        response_id: the response it belongs to.
        item_id: the item it belongs to.
        content_index: the item's part.
        held_ms: how long it waited for guardrails since it arrived, with `hold_audio`.
    """

    type: ClassVar[str] = "audio"
    data: bytes
    response_id: str
    item_id: str
    content_index: int
    held_ms: float = 0.0


class AudioStopped(SessionEvent, kw_only=True):
    """The service has produced all sound of a part; it need not have been heard yet.

    Where sound travels as media: what the service played has been heard, or the rest was dropped.
    """

    type: ClassVar[str] = "audio_stopped"
    item_id: str | None = None
    content_index: int | None = None


class AudioInterrupted(SessionEvent, kw_only=True):
    """Whoever plays the sound should stop now."""

    type: ClassVar[str] = "audio_interrupted"
    item_id: str | None = None
    content_index: int | None = None


class HistoryAdded(SessionEvent, kw_only=True):
    """An item is new in history."""

    type: ClassVar[str] = "history_added"
    item: Item


class HistoryUpdated(SessionEvent, kw_only=True):
    """History changed. `history` is read at first access, unless `capture` was called before."""

    type: ClassVar[str] = "history_updated"
    source: ItemList
    captured: History | None = None

    @property
    def history(self) -> History:
        """All items, in order."""
        return self.capture()

    def capture(self) -> History:
        """Fix `history` as it is now, for events that are read later."""
        if self.captured is None:
            self.captured = self.source.snapshot()
        return self.captured


class TranscriptDelta(SessionEvent, kw_only=True):
    """The transcript of the answer's sound grew."""

    type: ClassVar[str] = "transcript_delta"
    item_id: str
    response_id: str
    delta: str


class TextDelta(SessionEvent, kw_only=True):
    """The text of an answer grew."""

    type: ClassVar[str] = "text_delta"
    item_id: str
    response_id: str
    delta: str


class InputAudioCommitted(SessionEvent, kw_only=True):
    """The audio sent so far became an item."""

    type: ClassVar[str] = "input_audio_committed"
    item_id: str
    previous_item_id: str | None = None


class InputAudioTimeoutTriggered(SessionEvent, kw_only=True):
    """Nobody spoke for as long as `idle_timeout_ms` allows; times in ms of the input audio."""

    type: ClassVar[str] = "input_audio_timeout_triggered"
    item_id: str
    audio_start_ms: int
    audio_end_ms: int


class InputTranscriptDelta(SessionEvent, kw_only=True):
    """The transcript of the user's speech grew."""

    type: ClassVar[str] = "input_transcript_delta"
    item_id: str
    delta: str
    content_index: int = 0


class TranscriptCompleted(SessionEvent, kw_only=True):
    """The user's speech has been transcribed.

    Attributes:
        item_id: the item that holds the speech.
        content_index: the item's part.
        transcript: the final text, may be empty.
        usage: what the transcription cost, as the service reports it, or None.
    """

    type: ClassVar[str] = "transcript_completed"
    item_id: str
    content_index: int
    transcript: str
    usage: Any = None


class TranscriptFailed(SessionEvent, kw_only=True):
    """The user's speech could not be transcribed; `error` is the service's account of why."""

    type: ClassVar[str] = "transcript_failed"
    item_id: str
    error: Any
    content_index: int = 0


class UsageLimitReached(SessionEvent, kw_only=True):
    """The session has spent what its `usage_limit` allows, and is about to close itself.

    Attributes:
        usage: what was spent, over the life of the session.
        limit: the limit.
    """

    type: ClassVar[str] = "usage_limit_reached"
    usage: Usage
    limit: UsageLimit


class ConnectionChange(SessionEvent, kw_only=True):
    """The transport's `status` changed."""

    type: ClassVar[str] = "connection_change"
    status: str


class Reconnecting(SessionEvent, kw_only=True):
    """The connection was lost, or an attempt to make it again failed; another attempt follows.

    Attributes:
        attempt: which one, from 1.
        delay_s: seconds until then.
        error: what happened to the connection or to the attempt before.
    """

    type: ClassVar[str] = "reconnecting"
    attempt: int
    delay_s: float
    error: Exception


class Reconnected(SessionEvent, kw_only=True):
    """Another connection has taken the place of the one that was lost.

    Attributes:
        downtime_s: seconds without a connection.
    """

    type: ClassVar[str] = "reconnected"
    downtime_s: float


class Error(SessionEvent, kw_only=True):
    """Something went wrong; the session goes on.

    Attributes:
        error: an exception, or the service's `error` event.
    """

    type: ClassVar[str] = "error"
    error: Any
