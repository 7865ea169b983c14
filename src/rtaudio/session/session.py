"""`RealtimeSession`: the asyncio shell around a conversation.

It moves events between a transport and the conversation, and calls the application's handlers.
What the events mean is decided in `rtaudio.conversation`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from rtaudio.conversation import Conversation
from rtaudio.conversation.events import AgentHandoff, ConnectionChange, TransportEvent
from rtaudio.errors import ConfigError, ConnectionLost, ProtocolError, TransportError
from rtaudio.session.agent import RealtimeAgent
from rtaudio.session.audio import InputAudio, OutputAudio
from rtaudio.session.broadcast import Broadcast
from rtaudio.session.config import initial_config, is_transcription, wanted_tracing
from rtaudio.session.context import RunContext
from rtaudio.session.guardrail_runs import GuardrailRuns
from rtaudio.session.offer import prepare_offer
from rtaudio.session.options import RealtimeSessionOptions
from rtaudio.session.outbox import Outbox
from rtaudio.session.tool_calls import GRACE_S, ToolCalls
from rtaudio.transports.base import ConnectOptions, TransportSink

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from rtaudio.audio import PcmLike
    from rtaudio.conversation import Item, Usage
    from rtaudio.conversation.calls import FunctionCall
    from rtaudio.conversation.spoken_text import Check
    from rtaudio.protocol import ServerEvent, UnknownEvent
    from rtaudio.session.approvals import FunctionApproval
    from rtaudio.session.guardrails import Finding
    from rtaudio.session.handlers import Handler
    from rtaudio.session.offer import Offer
    from rtaudio.session.stream import EventStream
    from rtaudio.transports import RealtimeTransport
    from rtaudio.transports.base import ApiKey, RawMessage, TransportStatus

__all__ = ["RealtimeSession"]

_log = logging.getLogger("rtaudio.session")


class RealtimeSession:
    """A conversation with a realtime model, or a stream of speech to be transcribed.

    Use it as `async with RealtimeSession(agent, ...) as session:`, or with `connect` and `close`.
    An object can be connected again after it was closed; each connection is a new conversation with
    the same handlers. It belongs to one event loop and is not thread-safe.

    Args:
        agent: who speaks; None for a session without instructions, such as a transcription.
        options: see `RealtimeSessionOptions`.
        **fields: the same options as keywords; they win.

    Raises:
        ConfigError: an option is wrong. Nothing is opened or sent before `connect`.
    """

    def __init__(
        self,
        agent: RealtimeAgent | None,
        options: RealtimeSessionOptions | None = None,
        **fields: Any,
    ) -> None:
        if agent is not None and not isinstance(agent, RealtimeAgent):
            raise ConfigError(f"agent must be a RealtimeAgent or None, got {type(agent).__name__}")
        self.options = RealtimeSessionOptions.combine(options, fields)
        self._initial_agent = self._agent = agent
        self._model: str | None = None
        self._transport = self.options.make_transport()
        self._conversation = Conversation()
        self._context = RunContext(self.options.context, self._conversation)
        self._broadcast = Broadcast(self._context, agent)
        self._outbox = Outbox(self._transport, self._send_failed)
        self._calls = ToolCalls(
            self._context,
            self._broadcast,
            self._answer_call,
            self._hand_over,
            lambda: self.options.tool_error_formatter,
        )
        self._guardrails = GuardrailRuns(self._context, self._broadcast, self._block)
        self._sink = TransportSink(self._on_event, self._on_garbage, self._on_status, self._on_lost)
        self._input = InputAudio(None)
        self._output: OutputAudio | None = None
        # Grows with every connect and close, so that work begun before can tell that it is stale.
        self._generation = 0
        self._connecting = False
        self._attempt: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        agent = self._agent.name if self._agent is not None else None
        return f"RealtimeSession(agent={agent!r}, status={self._transport.status!r})"

    # What it knows.

    @property
    def history(self) -> tuple[Item, ...]:
        """The items of the conversation in order; a new tuple after each change."""
        return self._conversation.history.snapshot()

    @property
    def usage(self) -> Usage:
        """Tokens spent over the life of this object."""
        return self._conversation.usage

    @property
    def current_agent(self) -> RealtimeAgent | None:
        """Who speaks now."""
        return self._agent

    @property
    def context(self) -> RunContext:
        """What handlers find as `event.context`."""
        return self._context

    @property
    def transport(self) -> RealtimeTransport:
        """What carries the events."""
        return self._transport

    @property
    def connection_state(self) -> TransportStatus:
        """`disconnected`, `connecting` or `connected`."""
        return self._transport.status

    @property
    def muted(self) -> bool | None:
        """Whether the transport's microphone is muted; None where it has none."""
        return self._transport.muted

    # Connecting and closing.

    async def connect(
        self,
        url: str | None = None,
        api_key: ApiKey | None = None,
        model: str | None = None,
        call_id: str | None = None,
    ) -> None:
        """Connect, configure the session, and wait until the service has accepted it.

        Args:
            url: wins over the option.
            api_key: wins over the option.
            model: wins over the option, for this connection.
            call_id: attach to a call that runs already, instead of opening a session.

        Raises:
            ConfigError: already connecting or connected, or an option is wrong.
            AuthenticationError: the service refused the credential.
            TransportError: no connection came about, or `close` was called meanwhile.
        """
        if self._connecting or self._transport.status != "disconnected":
            raise ConfigError("connect() was called already; call close() before connecting again")
        options = self.options
        options.validate()
        if call_id is not None and model is not None:
            raise ConfigError("connect() takes a call_id or a model: a running call has its model")
        self._generation += 1
        mine = self._generation
        self._connecting = True
        try:
            self._broadcast.begin()
            self._outbox.clear()
            self._calls.stop()
            self._guardrails.stop()
            self._input = InputAudio(options.input_audio)
            self._output = OutputAudio(options.output_audio) if options.output_audio else None
            self._conversation.track(options.playback_tracker, options.output_audio)
            self._conversation.connecting()
            transcribes = is_transcription(options)
            # What was handed over on an earlier connection does not carry on.
            self._agent = self._broadcast.agent = self._initial_agent
            offer = await prepare_offer(self._agent, self._context) if self._agent else None
            config = await initial_config(offer, options, self._context, model=model)
            self._check_current(mine)
            self._model = config.get("model")
            self._conversation.offer(offer)
            self._conversation.check(self._check_every(offer))
            self._conversation.configure(config)
            if not transcribes:
                self._conversation.trace(wanted_tracing(options))
            self._transport.attach(self._sink)
            connect_options = ConnectOptions(
                api_key=api_key if api_key is not None else options.api_key,
                model=config.get("model"),
                url=url if url is not None else options.url,
                call_id=call_id,
                intent="transcription" if transcribes else None,
                initial_session_config=config,
            )
            greeting = {"type": "session.update", "session": config}
            self._attempt = asyncio.ensure_future(self._transport.open(connect_options, greeting))
            try:
                await self._attempt
            except asyncio.CancelledError:
                self._check_current(mine)
                raise
            self._check_current(mine)
        except BaseException:
            if mine == self._generation:
                self._conversation.disconnected()
            raise
        finally:
            if mine == self._generation:
                self._connecting = False
                self._attempt = None
        self._conversation.connected()
        self._pump()

    async def get_initial_session_config(
        self, overrides: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Build the settings that `connect` would send first, without connecting.

        Args:
            overrides: settings that win over those of the options.

        Returns:
            The `session` of a `session.update`, such as accepts a telephone call.

        Raises:
            ConfigError: a setting is wrong, or the agent cannot be prepared.
        """
        agent = self._initial_agent
        offer = await prepare_offer(agent, self._context) if agent else None
        return await initial_config(offer, self.options, self._context, overrides=overrides)

    @classmethod
    async def compute_initial_session_config(
        cls,
        agent: RealtimeAgent,
        options: RealtimeSessionOptions | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The same for an agent and options that have no session yet."""
        return await cls(agent, options).get_initial_session_config(overrides)

    async def close(self) -> None:
        """End the session; history and usage stay readable. Calling it again does nothing.

        Tools that run are told to stop, and waited for, a second at most. Iteration over the
        session ends once what is queued has been read. Concurrent calls share one clean-up, which
        goes on where a caller is cancelled.
        """
        if self._closing is None or self._closing.done():
            self._generation += 1
            self._guardrails.stop()
            self._closing = asyncio.ensure_future(self._clean_up(self._calls.stop()))
        await asyncio.shield(self._closing)

    async def _clean_up(self, running: set[asyncio.Task[None]]) -> None:
        if running:
            await asyncio.wait(running, timeout=GRACE_S)
        self._connecting = False
        attempt, self._attempt = self._attempt, None
        self._outbox.clear()
        try:
            if attempt is not None and not attempt.done():
                # The attempt closes what it has opened.
                attempt.cancel()
                await asyncio.wait([attempt])
            elif self._transport.status != "disconnected":
                await self._transport.shut()
        finally:
            self._conversation.disconnected()
            self._broadcast.finish(None)

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    # Events.

    def on(self, event_type: str, handler: Handler) -> None:
        """Call `handler(event)` for every event of this type.

        Plain functions run at once and hold up the events behind them, so they should be short;
        coroutine functions are started and not waited for. A handler that raises disturbs nobody:
        its exception becomes an `error` event.

        Raises:
            ConfigError: there is no such event, or the handler cannot be called.
        """
        self._broadcast.handlers.add(event_type, handler)

    def off(self, event_type: str, handler: Handler) -> None:
        """Stop calling `handler`."""
        self._broadcast.handlers.remove(event_type, handler)

    def __aiter__(self) -> EventStream:
        """All events from now on, in order.

        Several iterations at a time each see all of them. Each ends after `close`, or after the
        service closed the connection in good order; a lost connection raises `ConnectionLost`
        behind the last event, and falling behind by more than `max_queued_events` raises
        `ConsumerTooSlow`.
        """
        return self._broadcast.stream(self.options.max_queued_events)

    # What the application says.

    async def send_message(
        self,
        message: str | Mapping[str, Any],
        other_event_data: Mapping[str, Any] | None = None,
    ) -> None:
        """Say something as the user and ask for an answer.

        Args:
            message: a text, or a message `{"type": "message", "role": "user", "content": [...]}` of
                `input_text` and `input_image` parts.
            other_event_data: further fields of the event, such as `previous_item_id`.

        Raises:
            ConfigError: the message has another shape.
            TransportError: not connected.
        """
        self._require_connection()
        self._conversation.send_message(message, other_event_data)
        await self._send()

    async def add_image(self, image: str, trigger_response: bool = True) -> None:
        """Show the model an image, as the user.

        Args:
            image: its address, or a `data:` URI of it.
            trigger_response: ask for an answer to it.

        Raises:
            ConfigError: `image` is not a text.
            TransportError: not connected.
        """
        if not isinstance(image, str) or not image:
            raise ConfigError(f"an image is a URL or a data URI, got {type(image).__name__}")
        self._require_connection()
        part = {"type": "input_image", "image_url": image}
        message = {"type": "message", "role": "user", "content": [part]}
        self._conversation.send_message(message, respond=trigger_response)
        await self._send()

    async def send_audio(self, audio: PcmLike, commit: bool = False) -> None:
        """Send a piece of the user's speech; waits where the connection cannot keep up.

        While there is no connection the sound is dropped, silently: a microphone goes on.

        Args:
            audio: bytes, bytearray, memoryview or int16 array in the `input_audio` format; in the
                format negotiated with the service where that option is not set. Pieces of 20 to
                100 ms suit the service's voice detection.
            commit: end the turn with this piece; needed only without turn detection.

        Raises:
            AudioError: the buffer holds something else.
            TransportError: the connection broke.
        """
        if self._transport.status != "connected":
            return
        wire = self._input.process(audio, self._conversation.wire_input)
        if not commit:
            if wire:
                await self._outbox.send(wire)
            return
        await self._commit(wire)

    async def commit_audio(self) -> None:
        """End the turn: what was sent becomes an item of the user. Asks for no answer.

        Raises:
            TransportError: not connected.
        """
        self._require_connection()
        await self._commit(b"")

    async def clear_audio(self) -> None:
        """Let the service forget the sound that is not part of an item yet.

        Raises:
            TransportError: not connected.
        """
        self._require_connection()
        self._input.reset()
        await self._outbox.send({"type": "input_audio_buffer.clear"})

    async def _commit(self, wire: bytes) -> None:
        wire += self._input.flush()
        sound = (wire,) if wire else ()
        await self._outbox.send(*sound, {"type": "input_audio_buffer.commit"})

    async def interrupt(self) -> None:
        """Stop the answer that is being given, and let the service know how much was heard.

        Raises:
            TransportError: not connected.
        """
        self._require_connection()
        self._conversation.interrupt(time.monotonic())
        await self._send()

    async def request_response(self, response: Mapping[str, Any] | None = None) -> None:
        """Ask for an answer; it begins when the one that is being given has ended.

        Args:
            response: settings for this answer only.

        Raises:
            TransportError: not connected.
        """
        self._require_connection()
        self._conversation.request_response(response)
        await self._send()

    async def send_event(self, event: Mapping[str, Any] | msgspec.Struct) -> None:
        """Send a client event as it is; a `response.create` waits for its turn.

        Args:
            event: a mapping in wire form, or a typed event of `rtaudio.protocol`.

        Raises:
            ConfigError: the event has no type.
            TransportError: not connected.
        """
        wire = (
            event if isinstance(event, Mapping) else msgspec.json.decode(msgspec.json.encode(event))
        )
        if not isinstance(wire.get("type"), str):
            raise ConfigError("an event needs a 'type', a str such as 'response.create'")
        self._require_connection()
        self._conversation.send_event(wire)
        await self._send()

    def update_history(
        self, new: Sequence[Item] | Callable[[tuple[Item, ...]], Sequence[Item]]
    ) -> None:
        """Ask the service to delete, add and change items of the conversation.

        `session.history` follows as the service reports what it has done. No answer is asked for.

        Args:
            new: the whole history as it should be, or a function that makes it from the current
                one. Calls of functions cannot be added.

        Raises:
            ConfigError: something in it is no item, or is a new or changed message with sound of
                the assistant, which the service does not take back; nothing is sent then.
            TransportError: not connected.
        """
        self._require_connection()
        self._conversation.update_history(new(self.history) if callable(new) else new)
        self._pump()

    async def update_agent(self, agent: RealtimeAgent) -> RealtimeAgent:
        """Let another agent go on with the conversation.

        Args:
            agent: whose instructions, voice and tools count from now on, until the next connect.

        Returns:
            The agent.

        Raises:
            ConfigError: the agent cannot be prepared; everything stays as it was.
            TransportError: not connected.
        """
        if not isinstance(agent, RealtimeAgent):
            raise ConfigError(f"agent must be a RealtimeAgent, got {type(agent).__name__}")
        self._require_connection()
        await self._hand_over(self._agent, agent)
        return agent

    async def _hand_over(self, from_agent: RealtimeAgent | None, agent: RealtimeAgent) -> None:
        mine = self._generation
        offer = await prepare_offer(agent, self._context)
        config = await initial_config(offer, self.options, self._context, model=self._model)
        if mine != self._generation:
            raise TransportError("the session was closed before the handoff was done")
        await self._outbox.send({"type": "session.update", "session": config})
        if mine != self._generation:
            raise TransportError("the session was closed before the handoff was done")
        self._conversation.offer(offer)
        self._conversation.check(self._check_every(offer))
        self._broadcast.deliver(AgentHandoff(from_agent=from_agent, to_agent=agent))
        self._agent = self._broadcast.agent = agent

    async def approve(self, approval: FunctionApproval, always: bool = False) -> None:
        """Let a call run that a `tool_approval_requested` event asked about.

        Args:
            approval: the event's.
            always: let all later calls of this tool by this agent run without asking.

        Raises:
            ProtocolError: it was not asked for on this connection.
        """
        self._calls.approve(approval, always=always)

    async def reject(
        self, approval: FunctionApproval, always: bool = False, message: str | None = None
    ) -> None:
        """Refuse a call that a `tool_approval_requested` event asked about; the model is told.

        Args:
            approval: the event's.
            always: refuse all later calls of this tool by this agent without asking.
            message: what the model is told; None for the usual words.

        Raises:
            ProtocolError: it was not asked for on this connection.
        """
        self._calls.reject(approval, always=always, message=message)

    def mute(self, muted: bool) -> None:
        """Mute the transport's microphone.

        Raises:
            ConfigError: the transport has none, as with a WebSocket: stop sending instead.
        """
        self._transport.mute(muted)

    # Between transport and conversation.

    async def _send(self) -> None:
        """Write what the conversation wants written, and tell what it has to tell."""
        outgoing = self._conversation.take_outgoing()
        self._pump()
        if outgoing:
            await self._outbox.send(*outgoing)

    def _pump(self) -> None:
        conversation = self._conversation
        outgoing = conversation.take_outgoing()
        if outgoing:
            self._outbox.post(*outgoing)
        events = conversation.take_events()
        if events and self._output is not None:
            events = self._output.adapt(events, conversation.wire_output)
        for event in events:
            self._broadcast.deliver(event)
        for call in conversation.take_calls():
            self._calls.start(call)
        for check in conversation.take_checks():
            self._guardrails.start(check, self.options.output_guardrails)

    def _check_every(self, offer: Offer | None) -> int | None:
        """Characters between checks of what is said; None where nobody checks anything."""
        if offer is None or not (offer.agent.output_guardrails or self.options.output_guardrails):
            return None
        every: int = self.options.debounce_text_length
        return every

    def _block(self, check: Check, finding: Finding) -> None:
        if self._conversation.block(check, time.monotonic()):
            feedback = self.options.guardrail_feedback
            if feedback is not None:
                self._conversation.send_message(feedback(finding))
        self._pump()

    def _answer_call(self, call: FunctionCall, output: str, respond: bool) -> None:
        self._conversation.answer_call(call, output, respond=respond)
        self._pump()

    def _on_event(self, event: ServerEvent | UnknownEvent, raw: RawMessage) -> None:
        if self._broadcast.wants("transport_event"):
            self._broadcast.deliver(TransportEvent(raw=raw))
        try:
            self._conversation.receive(event, time.monotonic())
        except Exception as error:
            self._broadcast.report(error)
        self._pump()

    def _on_garbage(self, error: ProtocolError, raw: RawMessage) -> None:
        transport_event = TransportEvent(raw=raw)
        try:
            well_formed = isinstance(transport_event.event.get("type"), str)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            well_formed = False
        if well_formed:
            # A type we know with fields we do not: the application may still make sense of it.
            _log.debug("an event of the service does not fit its type: %s", type(error).__name__)
            self._broadcast.deliver(transport_event)
        else:
            self._broadcast.report(error)

    def _on_status(self, status: TransportStatus) -> None:
        self._broadcast.deliver(ConnectionChange(status=status))

    def _on_lost(self, error: Exception | None) -> None:
        self._outbox.clear()
        self._calls.stop()
        self._guardrails.stop()
        self._conversation.disconnected()
        if error is not None:
            if not isinstance(error, TransportError):
                cause, error = error, ConnectionLost("the connection was lost")
                error.__cause__ = cause
            self._broadcast.report(error)
        self._broadcast.finish(error)

    def _send_failed(self, event: Mapping[str, Any], error: Exception) -> None:
        self._conversation.send_failed(event, error)
        self._pump()

    def _require_connection(self) -> None:
        if self._transport.status != "connected":
            raise TransportError(f"not connected: the transport is {self._transport.status}")

    def _check_current(self, mine: int) -> None:
        if mine != self._generation:
            raise TransportError("connect() was superseded: the session was closed meanwhile")
