"""The options of a session."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from rtaudio.audio import AudioFormat, libopus_version
from rtaudio.conversation.items import Item
from rtaudio.conversation.prices import PriceTable
from rtaudio.conversation.retention import AudioRetention
from rtaudio.conversation.tracker import PlaybackTracker
from rtaudio.conversation.usage_limit import UsageLimit
from rtaudio.errors import ConfigError, OpusError
from rtaudio.protocol import normalise_session_config
from rtaudio.session.guardrails import (
    Finding,
    GuardrailSettings,
    InputGuardrail,
    OutputGuardrail,
    check_guardrails,
    default_feedback,
)
from rtaudio.session.reconnect import ReconnectPolicy
from rtaudio.transports import RealtimeTransport, WebRTCTransport, WebSocketTransport

if TYPE_CHECKING:
    from rtaudio.session.approvals import ToolErrorFormatter
    from rtaudio.transports.api_key import ApiKey

__all__ = ["RealtimeSessionOptions"]

_TOOL_EXECUTION = "a bool at 'pre_approval_input_guardrails', and nothing else"

_TRANSPORTS: dict[str, type[RealtimeTransport]] = {
    "websocket": WebSocketTransport,
    "webrtc": WebRTCTransport,
}


@dataclass(slots=True, kw_only=True)
class RealtimeSessionOptions:
    """What a session is to be like. Read again at every `connect()`.

    Attributes:
        api_key: credential, or a plain or async function that fetches one at each connection.
        config: session settings merged over the defaults; camel, snake and beta keys.
            `{"type": "transcription", ...}` makes a session that only transcribes.
        context: the application's own object, at `ctx.context` in handlers and functions.
        group_id: groups traces; only together with `workflow_name`.
        live_transcripts: deliver `history_updated` for each piece of an answer's words; otherwise
            history grows without a word until the item is done.
        history_store_audio: whether items of history keep their sound, at `part.audio`: True for
            plain samples, an `AudioRetention` for Opus, budgets and files.
        model: the model; None leaves it to `config["model"]`, then to the transport.
        trace_metadata: facts attached to the trace; only together with `workflow_name`.
        tracing_disabled: no trace at all; wins over `workflow_name`.
        transport: `websocket`, `webrtc`, or a transport of your own.
        history: what was said before, as items: each connection begins with it, and the service is
            told. Such as `History.load` gives; sound of the assistant goes as text.
        url: where to connect; None leaves it to the transport.
        workflow_name: names the trace; None leaves that to the service.
        input_audio: format of the audio given to `send_audio`; None means the wire's own. With Opus
            each call takes one packet.
        output_audio: format wanted in `audio` events; None means the wire's own. With Opus each
            event has one packet of 20 ms.
        output_guardrails: checks on what any agent says.
        output_guardrail_settings: `{"debounce_text_length": n}`: characters after which the text is
            checked again while it is said, 100 unless given; below 0, only the finished text is.
            `"hold_audio": True`: sound waits until the text up to it was checked; of an answer
            to speech, also until that was. The delay is about the time in which so many characters
            are said, and that of the guardrails; a small number keeps it short. Only sound and its
            `audio_stopped` wait, so they may come after `agent_end`. `"unchecked_audio"`: what
            becomes of it where a guardrail raises at the last check, or no transcript comes:
            `"drop"`, the default, or `"release"`. `"max_held_s"`: most seconds of sound that wait,
            300 unless given; beyond them the answer is cut off, or with `"release"` goes out
            unchecked.
        input_guardrails: checks on what the user says to any agent: on transcripts of speech, which
            need transcription to be on, and on texts before they are sent.
        guardrail_feedback: words for the model after its answer was blocked, as a function of what
            was found (`guardrail`, `result`); None tells it nothing.
        tool_error_formatter: words for the model when a person refuses a call, as a plain or async
            function of a dict (`kind`, `tool_name`, `call_id`, `default_message`, `ctx`, ...); None
            from it, or None instead of it, gives the default.
        automatically_trigger_response_for_mcp_tool_calls: ask for a response when the service has
            called an MCP tool; without it the model waits until the application asks.
        tool_execution: `{"pre_approval_input_guardrails": True}` has a tool's input guardrails look
            at a call before a person is asked about it, and again before it runs; otherwise they
            look only before it runs.
        async_tool_calls: whether the conversation goes on while a tool runs. False takes in the
            service's next event when the tool has finished, so a tool must not wait for one; more
            than `max_queued_events` of them do not wait for it.
        replay_outputs: whether the output of a call is sent again when the service repeats the
            call. False does so only where it could not be written the first time.
        playback_tracker: where the application reports what it has played; None assumes that sound
            plays as soon as it arrives, one piece after the other. With `wall` time goes on even
            where sound comes too late: what is missing counts as played.
        reconnect: what to do when the connection is lost; None leaves it lost. With a policy the
            conversation goes on over another connection.
        prices: what tokens cost, for `session.cost` and limits in money; None where that is no
            matter.
        usage_limit: tokens or money after which the session ends itself: it asks for no further
            answer, delivers `usage_limit_reached` and closes; None for no limit.
        max_queued_events: how many events an iterator may fall behind before it gets
            `ConsumerTooSlow`, how many may wait for a tool, and how many calls of async handlers
            may run at a time before further ones are left out; at least 1.
    """

    api_key: ApiKey | None = field(default=None, repr=False)
    config: Mapping[str, Any] | None = None
    context: Any = None
    group_id: str | None = None
    live_transcripts: bool = False
    history_store_audio: bool | AudioRetention = False
    model: str | None = None
    trace_metadata: Mapping[str, Any] | None = None
    tracing_disabled: bool = False
    transport: Literal["websocket", "webrtc"] | RealtimeTransport = "websocket"
    history: Sequence[Item] = ()
    url: str | None = None
    workflow_name: str | None = None
    input_audio: AudioFormat | None = None
    output_audio: AudioFormat | None = None
    output_guardrails: Sequence[OutputGuardrail] = ()
    output_guardrail_settings: Mapping[str, Any] | GuardrailSettings | None = None
    input_guardrails: Sequence[InputGuardrail] = ()
    guardrail_feedback: Callable[[Finding], str] | None = default_feedback
    tool_error_formatter: ToolErrorFormatter | None = None
    automatically_trigger_response_for_mcp_tool_calls: bool = True
    tool_execution: Mapping[str, Any] | None = None
    async_tool_calls: bool = True
    replay_outputs: bool = True
    playback_tracker: PlaybackTracker | Literal["wall"] | None = None
    reconnect: ReconnectPolicy | None = None
    prices: PriceTable | None = None
    usage_limit: UsageLimit | None = None
    max_queued_events: int = 10_000

    def validate(self) -> None:
        """Check every option.

        Raises:
            ConfigError: naming the option, what it was, and what would be right.
        """
        fine = isinstance(self.api_key, str) or callable(self.api_key)
        _check("api_key", self.api_key, fine or self.api_key is None, "a str, callable or None")
        for name in ("config", "tool_execution", "trace_metadata"):
            _check_type(name, getattr(self, name), Mapping, "a mapping or None")
        for name in ("group_id", "model", "url", "workflow_name"):
            _check_type(name, getattr(self, name), str, "a str or None")
        for name in ("input_audio", "output_audio"):
            audio_format = getattr(self, name)
            _check_type(name, audio_format, AudioFormat, "an AudioFormat or None")
            if audio_format is not None and audio_format.encoding == "opus":
                try:
                    libopus_version()
                except OpusError as error:
                    raise ConfigError(f"option {name} of Opus needs libopus: {error}") from error
        _check_history(self.history)
        _check_type("reconnect", self.reconnect, ReconnectPolicy, "a ReconnectPolicy or None")
        tracker = self.playback_tracker
        fine = tracker in (None, "wall") or isinstance(tracker, PlaybackTracker)
        _check("playback_tracker", tracker, fine, "a PlaybackTracker, 'wall' or None")
        _check_type("prices", self.prices, PriceTable, "a PriceTable or None")
        _check_type("usage_limit", self.usage_limit, UsageLimit, "a UsageLimit or None")
        if self.usage_limit is not None and self.usage_limit.cost is not None:
            wanted = "a PriceTable, as usage_limit is in money"
            _check("prices", self.prices, self.prices is not None, wanted)
        keep = self.history_store_audio
        fine = isinstance(keep, (bool, AudioRetention))
        _check("history_store_audio", keep, fine, "a bool or an AudioRetention")
        for name in (
            "automatically_trigger_response_for_mcp_tool_calls",
            "async_tool_calls",
            "live_transcripts",
            "replay_outputs",
            "tracing_disabled",
        ):
            flag = getattr(self, name)
            _check(name, flag, isinstance(flag, bool), "a bool")
        for name in ("output_guardrails", "input_guardrails"):
            # Not an iterator: the options are read more than once.
            fine = isinstance(getattr(self, name), Sequence)
            _check(name, getattr(self, name), fine, "a list or tuple")
        for key, value in (self.tool_execution or {}).items():
            fine = key == "pre_approval_input_guardrails" and isinstance(value, bool)
            _check(f"tool_execution[{key!r}]", value, fine, _TOOL_EXECUTION)
        check_guardrails("the session", OutputGuardrail, self.output_guardrails)
        check_guardrails("the session", InputGuardrail, self.input_guardrails)
        GuardrailSettings.read(self.output_guardrail_settings)
        for name in ("guardrail_feedback", "tool_error_formatter"):
            value = getattr(self, name)
            _check(name, value, value is None or callable(value), "callable or None")
        limit = self.max_queued_events
        fine = isinstance(limit, int) and not isinstance(limit, bool) and limit >= 1
        _check("max_queued_events", limit, fine, "an int of at least 1")
        fine = isinstance(self.transport, RealtimeTransport) or self.transport in _TRANSPORTS
        wanted = "'websocket', 'webrtc' or a RealtimeTransport"
        _check("transport", self.transport, fine, wanted)
        if self.config is not None:
            try:
                normalise_session_config(self.config)
            except ConfigError as error:
                raise ConfigError(f"option config: {error}") from None

    @property
    def pre_approval_input_guardrails(self) -> bool:
        """Whether input guardrails of tools look at a call before a person is asked."""
        return bool((self.tool_execution or {}).get("pre_approval_input_guardrails", False))

    @property
    def retention(self) -> AudioRetention | None:
        """How the sound of items is kept; None for not at all."""
        keep = self.history_store_audio
        if isinstance(keep, AudioRetention):
            return keep
        return AudioRetention() if keep else None

    def make_transport(self) -> RealtimeTransport:
        """The transport that is named, or was given."""
        if isinstance(self.transport, RealtimeTransport):
            return self.transport
        return _TRANSPORTS[self.transport]()

    @classmethod
    def combine(
        cls, options: RealtimeSessionOptions | None, fields: Mapping[str, Any]
    ) -> RealtimeSessionOptions:
        """Options and keywords of a session's constructor as one; keywords win.

        Raises:
            ConfigError: a keyword is no option, or an option is wrong.
        """
        if options is not None and not isinstance(options, RealtimeSessionOptions):
            raise ConfigError(
                f"options must be RealtimeSessionOptions, got {type(options).__name__}"
            )
        known = {each.name for each in dataclasses.fields(cls)}
        unknown = sorted(fields.keys() - known)
        if unknown:
            raise ConfigError(
                f"unknown session option {unknown[0]!r}; options are {', '.join(sorted(known))}"
            )
        if options is None:
            options = cls(**fields)
        elif fields:
            options = dataclasses.replace(options, **fields)
        options.validate()
        return options


# Options that may hold a credential or what people said: a refusal names the type only.
_PRIVATE = frozenset({"api_key", "config", "history", "url"})
_MAX_SHOWN = 80  # characters of a value in a refusal


def _check_history(history: Any) -> None:
    items = isinstance(history, Sequence) and not isinstance(history, (str, bytes))
    for wrong in [each for each in history if not isinstance(each, Item)] if items else [history]:
        _check("history", wrong, False, "a sequence of items")
    ids = [item.item_id for item in history]
    twice = next((each for each, count in Counter(ids).items() if count > 1), None)
    if twice is not None:
        raise ConfigError(f"option history must be items of different ids, got {twice!r} twice")


def _check_type(name: str, value: Any, kind: type, wanted: str) -> None:
    _check(name, value, value is None or isinstance(value, kind), wanted)


def _check(name: str, got: Any, fine: bool, wanted: str) -> None:
    if not fine:
        kind = type(got).__name__
        shown = kind if name in _PRIVATE else f"{repr(got)[:_MAX_SHOWN]} ({kind})"
        raise ConfigError(f"option {name} must be {wanted}, got {shown}")
