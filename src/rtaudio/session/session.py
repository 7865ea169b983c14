"""`RealtimeSession`: the asyncio shell around a conversation.

It moves events between a transport and the conversation, and calls the application's handlers.
What the events mean is decided in `rtaudio.conversation`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from rtaudio.conversation.messages import image_message, message_event, message_text
from rtaudio.conversation.stereo_file import write_stereo
from rtaudio.errors import ConfigError
from rtaudio.session.agent import RealtimeAgent
from rtaudio.session.approvals import Decision
from rtaudio.session.lifecycle import Lifecycle
from rtaudio.session.options import RealtimeSessionOptions
from rtaudio.transports.base import DONE

if TYPE_CHECKING:
    import os
    from types import TracebackType
    from typing import Self

    from rtaudio.audio import PcmLike
    from rtaudio.conversation import History, Item, Usage
    from rtaudio.conversation.mcp import McpTool
    from rtaudio.session.approvals import FunctionApproval
    from rtaudio.session.context import RunContext
    from rtaudio.session.handlers import Handler
    from rtaudio.session.mcp_approvals import McpApproval
    from rtaudio.session.stats import SessionStats
    from rtaudio.session.stream import EventStream
    from rtaudio.transports import RealtimeTransport
    from rtaudio.transports.api_key import ApiKey
    from rtaudio.transports.base import TransportStatus

__all__ = ["RealtimeSession"]


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
        self._options = RealtimeSessionOptions.combine(options, fields)
        self._lifecycle = Lifecycle(agent, self._options)
        self._link = self._lifecycle.link
        self._feed = self._link.feed
        self._needs_connection = self._link.transport.medium != "events"

    def __del__(self) -> None:
        if "_lifecycle" in vars(self):  # not where the options were refused
            self._lifecycle.come_apart()

    def __repr__(self) -> str:
        agent = self.current_agent.name if self.current_agent is not None else None
        return f"RealtimeSession(agent={agent!r}, status={self.connection_state!r})"

    # What it knows.

    @property
    def options(self) -> RealtimeSessionOptions:
        """The options; what is changed in them counts from the next `connect` on."""
        return self._options

    @property
    def history(self) -> History:
        """The items of the conversation in order, a tuple; a new one after each change."""
        return self._link.conversation.history.snapshot()

    @property
    def usage(self) -> Usage:
        """Tokens spent over the life of this object, all its connections together."""
        return self._link.conversation.usage

    @property
    def cost(self) -> float | None:
        """What that cost, in the currency of the option `prices`; None without prices."""
        prices = self._options.prices
        return None if prices is None else self.usage.cost(prices)

    @property
    def stats(self) -> SessionStats:
        """What passed through this session, how full its queues are, and what was lost."""
        return self._link.stats()

    @property
    def current_agent(self) -> RealtimeAgent | None:
        """Who speaks now."""
        return self._link.broadcast.agent

    @property
    def available_mcp_tools(self) -> tuple[McpTool, ...]:
        """What the service may call by itself for the current agent, as far as it has told."""
        return self._link.conversation.mcp.available

    @property
    def context(self) -> RunContext:
        """What handlers find as `event.context`."""
        return self._link.context

    @property
    def transport(self) -> RealtimeTransport:
        """What carries the events."""
        return self._link.transport

    @property
    def connection_state(self) -> TransportStatus:
        """`disconnected`, `connecting` or `connected`."""
        return self._link.transport.status

    @property
    def muted(self) -> bool | None:
        """Whether the transport's microphone is muted; None where it has none."""
        return self._link.transport.muted

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
            ToolError: an MCP server of the agent did not list its tools.
            AuthenticationError: the service refused the credential.
            TransportError: no connection came about, or `close` was called meanwhile.
        """
        await self._lifecycle.connect(url, api_key, model, call_id)

    async def get_initial_session_config(
        self, overrides: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Build the settings that `connect` would send first, without connecting.

        As at `connect`, the session's first agent becomes the current one.

        Args:
            overrides: settings that win over those of the options.

        Returns:
            The `session` of a `session.update`, such as accepts a telephone call.

        Raises:
            ConfigError: a setting is wrong, or the agent cannot be prepared.
        """
        return await self._lifecycle.initial_config(overrides)

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
        await self._lifecycle.close()

    async def __aenter__(self) -> Self:
        try:
            await self.connect()
        except BaseException:
            self._link.leave()
            raise
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
        self._link.broadcast.handlers.add(event_type, handler)

    def off(self, event_type: str, handler: Handler) -> None:
        """Stop calling `handler`."""
        self._link.broadcast.handlers.remove(event_type, handler)

    def __aiter__(self) -> EventStream:
        """All events from now on, in order.

        Several iterations at a time each see all of them. Each ends after `close`, or after the
        service closed the connection in good order; a lost connection raises `ConnectionLost`
        behind the last event, and falling behind by more than `max_queued_events` raises
        `ConsumerTooSlow`.
        """
        return self._link.broadcast.stream(self._options.max_queued_events)

    # What the application says.

    async def send_message(
        self,
        message: str | Mapping[str, Any],
        other_event_data: Mapping[str, Any] | None = None,
    ) -> None:
        """Say something as the user and ask for an answer, once `input_guardrails` let it pass.

        Args:
            message: a text, or a message `{"type": "message", "role": "user", "content": [...]}` of
                `input_text` and `input_image` parts.
            other_event_data: further fields of the event, such as `previous_item_id`.

        Raises:
            ConfigError: the message has another shape.
            GuardrailTripped: an input guardrail refused it; nothing was sent.
            TransportError: not connected.
            Exception: whatever an input guardrail raised; nothing was sent.
        """
        await self._lifecycle.ready()
        text = message_text(message_event(message))
        await self._link.guardrails.admit(text, self.current_agent)
        # The check may have taken longer than the connection lasted.
        await self._lifecycle.ready()
        self._link.conversation.send_message(message, other_event_data)
        await self._link.send()

    async def add_image(self, image: str, trigger_response: bool = True) -> None:
        """Show the model an image, as the user.

        Args:
            image: its address, or a `data:` URI of it.
            trigger_response: ask for an answer to it.

        Raises:
            ConfigError: `image` is not a text.
            TransportError: not connected.
        """
        message = image_message(image)
        await self._lifecycle.ready()
        self._link.conversation.send_message(message, respond=trigger_response)
        await self._link.send()

    async def send_audio(self, audio: PcmLike, commit: bool = False) -> None:
        """Send a piece of the user's speech; waits where the connection cannot keep up.

        While there is no connection the sound is dropped, silently: a microphone goes on. How much
        it was, `stats.input_audio_dropped_ms` tells. With a `ReconnectPolicy` nothing is lost: what
        is said between two connections the next one is told, behind what the one before had not
        made an item of; at most the latest 300 s.

        Args:
            audio: bytes, bytearray, memoryview or int16 array in the `input_audio` format; in the
                format negotiated with the service where that option is not set. Pieces of 20 to
                100 ms suit the service's voice detection.
            commit: end the turn with this piece; needed only without turn detection.

        Raises:
            AudioError: the buffer holds something else.
            TransportError: the connection broke, or 10,000 calls wait for it already; where sound
                travels as media, also without a connection.
        """
        if self._needs_connection and not self._lifecycle.mending:
            self._lifecycle.require_connection(exhausted=True)
        if commit:
            await self._feed.commit(audio)
            return
        writing = self._feed.send(audio)
        if writing is not DONE:
            await writing

    async def commit_audio(self) -> None:
        """End the turn: what was sent becomes an item of the user. Asks for no answer.

        Raises:
            TransportError: not connected.
        """
        await self._lifecycle.ready()
        await self._feed.commit()

    async def clear_audio(self) -> None:
        """Let the service forget the sound that is not part of an item yet.

        Raises:
            TransportError: not connected.
        """
        await self._lifecycle.ready()
        self._feed.reset()
        await self._link.outbox.send({"type": "input_audio_buffer.clear"})

    async def interrupt(self) -> None:
        """Stop the answer that is being given, and let the service know how much was heard.

        Raises:
            TransportError: not connected; where sound travels as media, nothing happens then.
        """
        transport = self._link.transport
        if self._needs_connection and transport.status != "connected":
            return
        await self._lifecycle.ready(exhausted=True)
        self._link.conversation.interrupt(self.transport.clock.monotonic())
        await self._link.send()

    async def request_response(self, response: Mapping[str, Any] | None = None) -> None:
        """Ask for an answer; it begins when the one that is being given has ended.

        Args:
            response: settings for this answer only.

        Raises:
            TransportError: not connected.
        """
        await self._lifecycle.ready()
        self._link.conversation.request_response(response)
        await self._link.send()

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
        await self._lifecycle.ready()
        self._link.conversation.send_event(wire)
        await self._link.send()

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
        self._lifecycle.require_connection()
        self._link.conversation.update_history(new(self.history) if callable(new) else new)
        self._link.pump()

    def recording(self, path: str | os.PathLike[str]) -> None:
        """Write the conversation so far to one stereo file: the user left, the agent right.

        Everything stands at its time: the user's turns when they were spoken, the agent's when they
        were played, cut where they were interrupted, with silence in between. Works while connected
        and afterwards, until the next `connect`. Only sound that is kept can be written: what
        `history_store_audio` has let go is silent. An hour takes some seconds; call it in a thread
        where that is too long.

        Args:
            path: its extension picks the format: `.wav`, `.flac`, `.opus` or `.ogg`.

        Raises:
            ConfigError: `history_store_audio` is off.
            AudioError: there is no sound yet, or the file cannot be written.
        """
        sounds = self._link.conversation.sounds
        if sounds is None:
            raise ConfigError(
                "recording() writes the sound of history, which is not kept: set the option "
                "history_store_audio before connecting"
            )
        write_stereo(path, sounds)

    async def update_agent(self, agent: RealtimeAgent) -> RealtimeAgent:
        """Let another agent go on with the conversation.

        Args:
            agent: whose instructions, voice and tools count from now on, until the next connect.

        Returns:
            The agent.

        Raises:
            ConfigError: the agent cannot be prepared; everything stays as it was.
            ToolError: the same, because one of its MCP servers did not list its tools.
            TransportError: not connected.
        """
        if not isinstance(agent, RealtimeAgent):
            raise ConfigError(f"agent must be a RealtimeAgent, got {type(agent).__name__}")
        await self._lifecycle.ready()
        await self._lifecycle.hand_over(self.current_agent, agent)
        return agent

    async def approve(self, approval: FunctionApproval | McpApproval, always: bool = False) -> None:
        """Let a call run that a `tool_approval_requested` event asked about.

        A call that was decided before stays as it was.

        Args:
            approval: the event's, or one made from the same facts.
            always: let all later calls of this tool by this agent run without asking. Calls that
                the service makes to MCP servers are decided one by one; a warning says so.

        Raises:
            ProtocolError: it was not asked for on this connection, or differs from what was.
            TransportError: the service could not be told; decide again.
        """
        await self._decide(approval, Decision(approved=True), always)

    async def reject(
        self,
        approval: FunctionApproval | McpApproval,
        always: bool = False,
        message: str | None = None,
    ) -> None:
        """Refuse a call that a `tool_approval_requested` event asked about; the model is told.

        A call that was decided before stays as it was.

        Args:
            approval: the event's, or one made from the same facts.
            always: refuse all later calls of this tool by this agent without asking. Calls that
                the service makes to MCP servers are decided one by one; a warning says so.
            message: what the model is told; None for the usual words.

        Raises:
            ProtocolError: it was not asked for on this connection, or differs from what was.
            TransportError: the service could not be told; decide again.
        """
        await self._decide(approval, Decision(approved=False, message=message), always)

    async def approve_tool_call(self, call_id: str, always: bool = False) -> None:
        """Let the call with this id run, if one waits for a decision."""
        for approval in self._link.calls.waiting(call_id):
            await self.approve(approval, always)

    async def reject_tool_call(
        self, call_id: str, always: bool = False, message: str | None = None
    ) -> None:
        """Refuse the call with this id, if one waits for a decision."""
        for approval in self._link.calls.waiting(call_id):
            await self.reject(approval, always, message)

    async def _decide(
        self, approval: FunctionApproval | McpApproval, decision: Decision, always: bool
    ) -> None:
        done = self.context.approvals.decide(approval, decision, always=always, ahead=False)
        if done is not None:
            await done

    def mute(self, muted: bool) -> None:
        """Mute the transport's microphone.

        Raises:
            ConfigError: the transport has none, as with a WebSocket: stop sending instead.
        """
        self._link.transport.mute(muted)
