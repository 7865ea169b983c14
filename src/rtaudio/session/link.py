"""Between a transport and a conversation: what arrives goes in, what comes out is carried on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from rtaudio.conversation import Conversation
from rtaudio.conversation.events import (
    Audio,
    AudioInterrupted,
    ConnectionChange,
    TransportEvent,
)
from rtaudio.conversation.tracker import PlaybackTracker
from rtaudio.errors import ConnectionLost, TransportError
from rtaudio.protocol import ErrorEvent, SessionCreated
from rtaudio.session.audio import OutputAudio
from rtaudio.session.broadcast import Broadcast
from rtaudio.session.context import RunContext
from rtaudio.session.guardrail_runs import GuardrailRuns
from rtaudio.session.guardrails import GuardrailSettings
from rtaudio.session.inbox import Inbox
from rtaudio.session.mcp_approvals import McpApproval, McpApprovals
from rtaudio.session.outbox import Outbox
from rtaudio.session.sound_feed import SoundFeed
from rtaudio.session.sound_writer import SoundWriter
from rtaudio.session.stats import SessionStats
from rtaudio.session.tool_calls import ToolCalls
from rtaudio.transports.base import TransportSink, lasting

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from rtaudio.conversation.calls import FunctionCall
    from rtaudio.conversation.checking import Check
    from rtaudio.conversation.events import SessionEvent
    from rtaudio.conversation.sound_file import Writing
    from rtaudio.errors import ProtocolError
    from rtaudio.protocol import ServerEvent, UnknownEvent
    from rtaudio.session.agent import RealtimeAgent
    from rtaudio.session.guardrails import Finding
    from rtaudio.session.offer import Offer
    from rtaudio.session.options import RealtimeSessionOptions
    from rtaudio.transports import RealtimeTransport
    from rtaudio.transports.base import Frame, RawMessage, TransportStatus

__all__ = ["Link"]

_log = logging.getLogger("rtaudio.session")

# Events that may be about the session's end.
_OVERSEEN = frozenset({SessionCreated, ErrorEvent})


class Link:
    """Owns the conversation and all that works beside it on a session's behalf.

    Args:
        agent: who speaks first.
        options: the session's.
        transport: what carries the events.
        hand_over: makes another agent current, on behalf of the one whose call it is.
        mend: called with the error by which the connection was lost; true where it sees to another.
        finish: begins to close the session, and does not wait for it.
        oversee: called with events that may be about the session's end; true where that is all
            that is to be done about one.

    Attributes:
        context: handed to everything the application has written.
        broadcast: delivers session events; its `agent` is the current one.
        calls: runs the functions that the model calls.
        mcp_approvals: asks about the calls that the service makes.
        guardrails: runs the checks of what it says, and of what it is told.
        outbox: writes to the transport, in one order.
        feed: the application's sound, on its way to the outbox.
        after_event: called after each event of the service; None for nothing.
        sound_writer: writes kept sound to disk.
    """

    def __init__(
        self,
        agent: RealtimeAgent | None,
        options: RealtimeSessionOptions,
        transport: RealtimeTransport,
        hand_over: Callable[[RealtimeAgent, RealtimeAgent], Awaitable[None]],
        mend: Callable[[TransportError], bool],
        finish: Callable[[], object],
        oversee: Callable[[ServerEvent | UnknownEvent], bool],
    ) -> None:
        self._options = options
        self._finish = finish
        self._oversee = oversee
        self.after_event: Callable[[], object] | None = None
        self.transport = transport
        self.conversation = Conversation(transport.medium)
        # Asked at each event.
        self._outcome, self._spending = self.conversation.outcome, self.conversation.spending
        self._more = self.conversation.more
        # Sound goes to nobody but the application, and as it is.
        self._is_direct = False
        self.context = RunContext(options.context, self.conversation)
        self.broadcast = Broadcast(self.context, agent)
        self.outbox = Outbox(transport, self._send_failed)
        self.feed = SoundFeed(
            transport, self.outbox, self.conversation.settings, options, self._unsent
        )
        self._one_by_one = False
        self._inbox = Inbox(lambda: self.calls.running, self.broadcast.report)
        self.calls = ToolCalls(
            self.context,
            self.broadcast,
            options,
            answer=self._answer_call,
            hand_over=hand_over,
            idle=self._inbox.release,
        )
        self.mcp_approvals = McpApprovals(self.broadcast, self.outbox, self._mcp_decided)
        self.context.approvals.deciders[McpApproval.type] = self.mcp_approvals.decide
        self.guardrails = GuardrailRuns(
            self.context, self.broadcast, options, self._passed, self._block
        )
        self.sound_writer = SoundWriter(self._settle)
        self._output: OutputAudio | None = None
        self._mend = mend
        # Between two connections: what is to be sent is remembered by the conversation.
        self._suspended = False
        self._connection = 0
        self._malformed = 0
        self._tracker: PlaybackTracker | Literal["wall"] | None = None
        self._sink = TransportSink(
            self._on_event,
            self._on_garbage,
            self._on_status,
            self._on_lost,
            self._on_heard,
            self._on_played,
            self._on_sound,
            self._sending,
            self.broadcast.report,
            self._on_piece,
        )

    def begin(self) -> None:
        """Make everything ready for a connection that is about to be made."""
        options = self._options
        self._suspended = self.feed.is_adrift = False
        self.broadcast.begin()
        self.broadcast.handlers.limit = options.max_queued_events
        self.stop()
        self._one_by_one = not options.async_tool_calls
        self._inbox.limit = options.max_queued_events
        self.calls.begin()
        self.feed.begin()
        self._output = OutputAudio(options.output_audio) if options.output_audio else None
        self._is_direct = not (
            self._one_by_one or self._output is not None or self.transport.has_speaker
        )
        self._tracker = options.playback_tracker
        if self._tracker is None and self.transport.has_speaker:
            self._tracker = PlaybackTracker()
        self.conversation.track(self._tracker, options.output_audio)
        self.conversation.update_live(options.live_transcripts)
        self.conversation.mcp.respond = options.automatically_trigger_response_for_mcp_tool_calls
        formats = self.transport.track_formats(options.input_audio, options.output_audio)
        self.conversation.carry(formats)
        # Where sound is a track, what was said while there was none is gone for good.
        repeats = options.reconnect is not None and self.transport.medium == "events"
        self.conversation.connecting(options.history, options.retention, repeats_sound=repeats)
        self._more = self.conversation.more
        self.feed.repeats = repeats
        heard = repeats or self.conversation.sounds is not None
        self.outbox.sending = self._sending if heard else None
        self.conversation.spending.allow(options.usage_limit, options.prices)

    def listen(self) -> None:
        """Take in what the transport reports.

        Raises:
            ConfigError: it belongs to another session already.
        """
        self.transport.attach(self._sink)

    def leave(self) -> None:
        """Give the transport back, where no connection came about."""
        if self.transport.status == "disconnected":
            self.transport.detach(self._sink)

    def stop(self) -> set[asyncio.Task[None]]:
        """Drop what waits to be written, end checks and tools; returns tools that still run."""
        self.feed.is_open = False
        running = self.calls.stop()
        # What arrived before the end is part of the conversation, though nobody can answer it.
        self._inbox.drain()
        self.outbox.clear()
        self.guardrails.stop()
        self.mcp_approvals.stop()
        return running

    def suspend(self) -> bool:
        """The connection is lost, and another one is going to be made. Tools go on.

        Returns:
            Whether an answer was being given.
        """
        # What arrived before belongs to the old connection.
        self._inbox.drain()
        self._suspended = True
        self.feed.is_open, self.feed.is_adrift = False, self.feed.repeats
        self.guardrails.stop(for_good=False)
        # What the service asked it has forgotten, unlike the tools that were called.
        self.mcp_approvals.stop()
        answering = self.conversation.suspend()
        for content in self.outbox.clear():
            self._unsent(content)
        self.pump()
        return answering

    def resume(self, *, replay: bool, again: bool) -> None:
        """The other connection stands; `again` where the broken answer is to be given once more."""
        self._suspended = False
        self._connection += 1
        conversation = self.conversation
        conversation.restore(replay=replay, running=self.calls.owed())
        self.outbox.post(*conversation.take_outgoing(), *conversation.take_unclaimed())
        self.feed.is_open, self.feed.is_adrift = True, False
        conversation.resume(again=again)
        self.pump()

    def end(self, error: TransportError | None) -> None:
        """There is no connection any more, and will be none; `error` where that is a failure."""
        self._suspended = self.feed.is_adrift = False
        self.stop()
        self.conversation.disconnected()
        self.sound_writer.start(self.conversation.take_writings())
        if error is not None:
            self.broadcast.report(error)
        self.broadcast.finish(error)

    def come_apart(self) -> None:
        """Let go of everything; see `Lifecycle.come_apart`."""
        self.transport.detach(self._sink)
        self.context.approvals.deciders.clear()
        vars(self).clear()

    def offer(self, offer: Offer | None) -> None:
        """What the model may call, and how what it says is checked, from now on."""
        self.conversation.offer(offer)
        agent = None if offer is None else offer.agent
        settings = GuardrailSettings.read(self._options.output_guardrail_settings)
        self.conversation.check(
            settings.checking(
                output=bool(self.guardrails.wanted(agent, "output")),
                questions=bool(self.guardrails.wanted(agent, "input")),
            )
        )

    async def send(self) -> None:
        """Write what the conversation wants written, and tell what it has to tell."""
        outgoing = [] if self._suspended else self.conversation.take_outgoing()
        self.pump()
        if not outgoing:
            return
        try:
            await self.outbox.send(*outgoing)
        except ConnectionLost:
            # The next connection is told what this one was not.
            if self._options.reconnect is None:
                raise

    def stats(self) -> SessionStats:
        """See `RealtimeSession.stats`."""
        limit = self._options.max_queued_events
        return SessionStats(
            **self.conversation.counts(),
            events_malformed=self._malformed,
            input_audio_bytes=self.feed.sent_bytes,
            input_audio_ms=self.feed.sent_ms,
            input_audio_dropped_ms=self.feed.dropped_ms,
            queues={
                "events": self.broadcast.queue(limit),
                "handlers": self.broadcast.handlers.queue,
                "inbox": self._inbox.queue,
                "outbox": self.outbox.queue,
                **self.conversation.queues(),
                "calls": self.calls.queue,
                "approvals": self.context.approvals.queue,
                "mcp_requests": self.mcp_approvals.queue,
                "checks": self.guardrails.queue,
            },
        )

    def pump(self) -> None:
        """Carry on all that the conversation has to say; nobody waits for what is written."""
        conversation = self.conversation
        # Asked before anything is taken: nearly always there are events, and nothing else.
        outcome = self._outcome
        if outcome.client_events and not self._suspended:
            self.outbox.post(*conversation.take_outgoing())
        if outcome.events:
            events = outcome.take_events()
            if self.transport.has_speaker:
                self._play(events)
            if self._output is not None:
                events = self._output.adapt(events, conversation.wire_output)
            for event in events:
                self.broadcast.deliver(event)
        if outcome.calls or outcome.checks or outcome.requests or outcome.writings:
            for call in conversation.take_calls():
                self.calls.start(call)
            for check in conversation.take_checks():
                self.guardrails.start(check)
            for request in conversation.take_requests():
                self.mcp_approvals.ask(request)
            self.sound_writer.start(conversation.take_writings())
        if self._spending.exhausted:
            self.feed.is_open = False
            if self._spending.finished:
                self._finish()

    def use_mcp(self, offer: Offer | None) -> None:
        """The agent of this offer is current: tools of hosted servers are those that it allows."""
        hosted = () if offer is None else offer.hosted
        self.conversation.mcp.allow((tool.server_label, tool.allowed_names) for tool in hosted)
        self.pump()

    def _play(self, events: Iterable[SessionEvent]) -> None:
        """Let the transport's own speaker play what may be heard."""
        for event in events:
            if isinstance(event, Audio):
                self.transport.play(event.data, event.item_id, event.content_index)
            elif isinstance(event, AudioInterrupted):
                self.transport.stop_playing()

    def _mcp_decided(self, request_id: str, approved: bool) -> None:
        self.conversation.mcp.decided(request_id, approved=approved)
        self.pump()

    def _passed(self, check: Check, failed: bool) -> None:
        self.conversation.passed(check, self.transport.clock.monotonic(), failed=failed)
        self.pump()

    def _block(self, check: Check, finding: Finding) -> None:
        feedback = self._options.guardrail_feedback
        now = self.transport.clock.monotonic()
        if self.conversation.block(check, now) and feedback is not None:
            try:
                self.conversation.tell(feedback(finding))
            except Exception as error:
                self.broadcast.report(error)
        self.pump()

    async def _answer_call(self, call: FunctionCall, output: str, respond: bool) -> None:
        written = False
        while not (written or self._suspended):
            connection = self._connection
            try:
                await self.outbox.send(call.output_event(output))
                written = True
            except ConnectionLost:
                if self._options.reconnect is None:
                    raise
                if connection == self._connection:
                    break
        # What could not be written the next connection is told, as a part of history.
        self.conversation.call_answered(call, output, respond=respond)
        self.pump()

    def _on_event(self, event: ServerEvent | UnknownEvent, raw: RawMessage) -> None:
        if self._one_by_one and self._inbox.keep(self._on_event, event, lasting(raw)):
            return
        if self.broadcast.wants("transport_event"):
            self.broadcast.deliver(TransportEvent(raw=lasting(raw)))
        # By type, as this is asked of every piece of sound.
        if type(event) in _OVERSEEN and self._oversee(event):
            return
        try:
            self.conversation.receive(event, self.transport.clock.monotonic())
        except Exception as error:
            self.broadcast.report(error)
        self.pump()
        if self.after_event is not None:
            self.after_event()

    def _on_piece(self, message: Frame) -> bool:
        """The short way from the wire to the application, for nearly all of an answer's sound."""
        broadcast = self.broadcast
        if (
            not self._is_direct
            or self.after_event is not None
            or self._spending.exhausted
            or "transport_event" in broadcast.handlers.by_type
        ):
            return False
        try:
            audio = self._more(message, self.transport.clock.monotonic())
        except Exception as error:
            broadcast.report(error)
            return True
        if audio is None:
            return False
        if broadcast.has_streams:
            broadcast.deliver(TransportEvent(raw=lasting(message)))
        broadcast.deliver_sound(audio)
        if self._outcome.writings:
            self.pump()
        return True

    def _on_sound(self, pcm: bytes) -> None:
        try:
            self.conversation.hear(pcm, self.transport.clock.monotonic())
        except Exception as error:
            self.broadcast.report(error)
        self.pump()

    def _on_garbage(self, error: ProtocolError, raw: RawMessage) -> None:
        if self._one_by_one and self._inbox.keep(self._on_garbage, error, lasting(raw)):
            return
        self._malformed += 1
        transport_event = TransportEvent(raw=lasting(raw))
        try:
            well_formed = isinstance(transport_event.event.get("type"), str)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            well_formed = False
        if well_formed:
            # A type we know with fields we do not: the application may still make sense of it.
            _log.debug("an event of the service does not fit its type: %s", type(error).__name__)
            self.broadcast.deliver(transport_event)
        else:
            self.broadcast.report(error)

    def _on_status(self, status: TransportStatus) -> None:
        # Between two connections, the new one is told first what the old one did not take in.
        self.feed.is_open = status == "connected" and not self._suspended
        self.broadcast.deliver(ConnectionChange(status=status))

    def _on_lost(self, error: Exception | None) -> None:
        if error is None:
            self.end(None)
            return
        if not isinstance(error, TransportError):
            cause, error = error, ConnectionLost("the connection was lost")
            error.__cause__ = cause
        if not self._mend(error):
            self.end(error)

    def _sending(self, content: Mapping[str, Any] | bytes) -> None:
        try:
            self.conversation.sending(content, self.transport.clock.monotonic())
        except Exception as error:
            # What cannot be kept can still be sent.
            self.broadcast.report(error)

    def _unsent(self, content: Mapping[str, Any] | bytes) -> None:
        self.conversation.unsent(content, self.transport.clock.monotonic())

    def _settle(self, writing: Writing) -> None:
        error = writing.settle()
        if error is not None:
            self.broadcast.report(error)
        self.sound_writer.start(self.conversation.take_writings())

    async def _on_heard(self, wire: bytes) -> None:
        try:
            await self.feed.send(wire, as_is=True)
        except TransportError:
            # Whoever speaks goes on, and the loss of a connection is reported by itself.
            self.feed.drop(wire)

    def _on_played(self, item_id: str, content_index: int, ms: float) -> None:
        if isinstance(self._tracker, PlaybackTracker):
            self._tracker.on_play_ms(item_id, content_index, ms)

    def _send_failed(self, event: Mapping[str, Any], error: Exception) -> None:
        if isinstance(error, ConnectionLost) and self._options.reconnect is not None:
            return
        self.conversation.send_failed(event, error)
        self.pump()
