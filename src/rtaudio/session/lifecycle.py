"""Connecting, closing, and who speaks meanwhile.

Every connect and every close begins a new generation. Work that waits for something compares, when
it goes on, the generation in which it began with the present one; where they differ it is stale,
and neither sends nor changes anything.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import msgspec

from rtaudio.conversation.events import AgentHandoff, Reconnected, Reconnecting
from rtaudio.errors import ConfigError, ConnectionLost, TransportError
from rtaudio.protocol import ErrorEvent, SessionCreated
from rtaudio.session.config import default_config, initial_config, is_transcription, wanted_tracing
from rtaudio.session.expiry import Expiry
from rtaudio.session.link import Link
from rtaudio.session.offer import prepare_offer
from rtaudio.session.tool_calls import GRACE_S
from rtaudio.transports.base import ConnectOptions
from rtaudio.transports.shared_attempt import SharedAttempt

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from rtaudio.protocol import ServerEvent, UnknownEvent
    from rtaudio.session.agent import RealtimeAgent
    from rtaudio.session.offer import Offer
    from rtaudio.session.options import RealtimeSessionOptions
    from rtaudio.session.reconnect import ReconnectPolicy
    from rtaudio.transports.api_key import ApiKey

__all__ = ["Lifecycle"]

_EXPIRED = "session_expired"


class Lifecycle:
    """The connections of one session, one after the other.

    Args:
        agent: who speaks at the beginning of each connection.
        options: read again at every connect.

    Attributes:
        link: what works while a connection stands.
    """

    def __init__(self, agent: RealtimeAgent | None, options: RealtimeSessionOptions) -> None:
        self._initial_agent = agent
        self._options = options
        self._model: str | None = None
        self.link = Link(
            agent,
            options,
            options.make_transport(),
            self.hand_over,
            self._mend,
            self._finish,
            self._oversee,
        )
        self._expiry = Expiry(self.link, self._renew)
        # What the present connection was made with, but for the configuration: the next one gets
        # one of its own, and all that is said in it need not be held until then.
        self._wanted = ConnectOptions()
        self._generation = 0
        self._connecting = False
        self._shared = SharedAttempt()
        self._attempt: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._mending: asyncio.Task[None] | None = None

    @property
    def mending(self) -> bool:
        """Whether a lost connection is being made again."""
        return self._mending is not None and not self._mending.done()

    async def ready(self, *, exhausted: bool = False) -> None:
        """Wait until a connection stands, where one was lost and is being made again.

        Args:
            exhausted: whether one will do that is about to be closed, as the limit of what may be
                spent is reached.

        Raises:
            TransportError: not connected, and nobody sees to it.
        """
        if self._mending is not None and not self._mending.done():
            await asyncio.wait([self._mending])
        self.require_connection(exhausted=exhausted)

    def require_connection(self, *, exhausted: bool = False) -> None:
        """Refuse to go on without a connection.

        Args:
            exhausted: as in `ready`.

        Raises:
            TransportError: there is none.
        """
        status = self.link.transport.status
        if status != "connected":
            raise TransportError(f"not connected: the transport is {status}")
        if self.link.conversation.spending.exhausted and not exhausted:
            raise TransportError("the session is closing: its usage_limit is reached")

    async def connect(
        self, url: str | None, api_key: ApiKey | None, model: str | None, call_id: str | None
    ) -> None:
        """See `RealtimeSession.connect`."""
        transport = self.link.transport
        if not transport.joins_attempts:
            await self._connect(url, api_key, model, call_id)
        elif transport.status != "connected" or self._is_closing():
            await self._shared.join(lambda: self._connect(url, api_key, model, call_id))

    async def _connect(
        self, url: str | None, api_key: ApiKey | None, model: str | None, call_id: str | None
    ) -> None:
        link, options = self.link, self._options
        if self._is_busy():
            raise ConfigError("connect() was called already; call close() before connecting again")
        options.validate()
        for name, value in (("url", url), ("model", model), ("call_id", call_id)):
            if value is not None and not isinstance(value, str):
                kind = type(value).__name__
                raise ConfigError(f"{name} of connect() must be a str or None, got {kind}")
        limit, usage = options.usage_limit, link.conversation.usage
        if limit is not None and limit.reached(usage, options.prices):
            raise ConfigError(
                f"option usage_limit must be above what was spent already, {usage.total_tokens} "
                f"tokens, got {limit!r}; raise it, or make a new session"
            )
        if call_id is not None and model is not None:
            raise ConfigError("connect() takes a call_id or a model: a running call has its model")
        self._generation += 1
        mine = self._generation
        self._connecting = True
        self._attempt = None
        try:
            if self._closing is not None and not self._closing.done():
                await asyncio.wait([self._closing])
                self._check_current(mine)
            link.begin()
            # What was handed over on an earlier connection does not carry on.
            agent = link.broadcast.agent = self._initial_agent
            offer = await prepare_offer(agent, link.context) if agent else None
            config = await self._config(offer, call_id, model=model)
            self._check_current(mine)
            self._model = config.get("model")
            self._configure(offer, config)
            link.listen()
            self._wanted = ConnectOptions(
                api_key=api_key if api_key is not None else options.api_key,
                model=config.get("model"),
                url=url if url is not None else options.url,
                call_id=call_id,
                intent="transcription" if is_transcription(options) else None,
            )
            await self._attempt_to_open(mine, config)
        except BaseException:
            if mine == self._generation:
                self._expiry.stop()
                link.conversation.disconnected()
            raise
        finally:
            if mine == self._generation:
                self._connecting = False
                self._attempt = None
        link.conversation.connected(options.history)
        await link.send()

    def _is_busy(self) -> bool:
        # Observers of an attempt that has failed may begin another before its caller knows.
        if self._connecting and (self._attempt is None or not self._attempt.done()):
            return True
        return not self._is_closing() and (
            self.mending or self.link.transport.status != "disconnected"
        )

    def _is_closing(self) -> bool:
        return self._closing is not None and not self._closing.done()

    async def _attempt_to_open(self, mine: int, config: dict[str, Any]) -> None:
        self._attempt = asyncio.ensure_future(self._open(config))
        try:
            await self._attempt
        except asyncio.CancelledError:
            self._check_current(mine)
            raise
        self._check_current(mine)

    async def _open(self, config: dict[str, Any]) -> None:
        wanted = msgspec.structs.replace(self._wanted, initial_session_config=config)
        await self.link.transport.open(wanted, {"type": "session.update", "session": config})

    async def initial_config(self, overrides: Mapping[str, Any] | None) -> dict[str, Any]:
        """See `RealtimeSession.get_initial_session_config`."""
        context = self.link.context
        agent = self.link.broadcast.agent = self._initial_agent
        offer = await prepare_offer(agent, context) if agent else None
        return await self._config(offer, None, overrides=overrides)

    async def _config(
        self, offer: Offer | None, call_id: str | None, **wanted: Any
    ) -> dict[str, Any]:
        link = self.link
        defaults = default_config(link.transport, attached=call_id is not None)
        return await initial_config(offer, self._options, link.context, defaults=defaults, **wanted)

    async def hand_over(self, from_agent: RealtimeAgent | None, agent: RealtimeAgent) -> None:
        """Let another agent go on; where it cannot be prepared, everything stays as it was.

        Raises:
            ConfigError: the agent cannot be prepared.
            TransportError: the connection ended meanwhile.
        """
        await self.ready()
        link, mine = self.link, self._generation
        offer = await prepare_offer(agent, link.context)
        config = await self._config(offer, self._wanted.call_id, model=self._model)
        if mine != self._generation:
            raise TransportError("the session was closed before the handoff was done")
        await link.outbox.send({"type": "session.update", "session": config})
        if mine != self._generation:
            raise TransportError("the session was closed before the handoff was done")
        link.offer(offer)
        event = AgentHandoff(from_agent=from_agent, to_agent=agent)
        link.broadcast.deliver(event, agent=from_agent)
        # A handler may be closing the session.
        await asyncio.sleep(0)
        if mine != self._generation:
            raise TransportError("the session was closed before the handoff was done")
        link.broadcast.agent = agent
        link.use_mcp(offer)

    def _mend(self, error: TransportError) -> bool:
        policy = self._options.reconnect
        if policy is None or not policy.retry_if(error):
            self._expiry.stop()
            return False
        self._begin_mending(policy, error, leaves=False)
        return True

    def _oversee(self, event: ServerEvent | UnknownEvent) -> bool:
        """Look at an event that may be about the session's end; true where it is dealt with."""
        if isinstance(event, ErrorEvent):
            return event.error.code == _EXPIRED and self._renew()
        if isinstance(event, SessionCreated) and self._options.reconnect is not None:
            self._expiry.begin(event.session.get("expires_at"))
        return False

    def _renew(self) -> bool:
        """Leave a connection that the service is ending, and make another one.

        Returns:
            Whether that is so.
        """
        policy = self._options.reconnect
        if policy is None or self.link.transport.status != "connected":
            return False
        error = TransportError("the session has reached its time limit", code=_EXPIRED)
        self._begin_mending(policy, error, leaves=True)
        return True

    def _begin_mending(self, policy: ReconnectPolicy, error: Exception, *, leaves: bool) -> None:
        self._expiry.stop()
        answering = self.link.suspend()
        mending = self._reconnect(policy, error, answering=answering, leaves=leaves)
        loop = asyncio.get_running_loop()
        self._mending = loop.create_task(mending, name="rtaudio-reconnect")

    async def _reconnect(
        self, policy: ReconnectPolicy, error: Exception, *, answering: bool, leaves: bool
    ) -> None:
        link = self.link
        lost_at = link.transport.clock.monotonic()
        if leaves:
            try:
                await link.transport.shut()
            except Exception as failure:
                link.broadcast.report(failure)
        for attempt in range(1, policy.max_attempts + 1):
            at_once = leaves and attempt == 1
            delay_s = 0.0 if at_once else policy.delay_s(attempt, random.random())
            link.broadcast.deliver(Reconnecting(attempt=attempt, delay_s=delay_s, error=error))
            await link.transport.clock.sleep(delay_s)
            try:
                await self._reopen()
            except Exception as failure:
                error = failure
                if not policy.retry_if(failure):
                    break
            else:
                link.resume(replay=policy.replay, again=answering and policy.resume_response)
                downtime_s = link.transport.clock.monotonic() - lost_at
                link.broadcast.deliver(Reconnected(downtime_s=downtime_s))
                return
        if not isinstance(error, TransportError):
            cause, error = error, ConnectionLost("the connection was lost for good")
            error.__cause__ = cause
        link.end(error)

    async def _reopen(self) -> None:
        """Connect as before, with a fresh key and as the agent that speaks now."""
        link = self.link
        agent = link.broadcast.agent
        offer = await prepare_offer(agent, link.context) if agent else None
        config = await self._config(offer, self._wanted.call_id, model=self._model)
        self._configure(offer, config)
        await self._open(config)

    def _configure(self, offer: Offer | None, config: Mapping[str, Any]) -> None:
        link, options = self.link, self._options
        link.offer(offer)
        link.use_mcp(offer)
        link.conversation.configure(config)
        if not is_transcription(options):
            link.conversation.trace(wanted_tracing(options))

    async def close(self) -> None:
        """See `RealtimeSession.close`."""
        await asyncio.shield(self._begin_close())

    def come_apart(self) -> None:
        """Nobody holds the session any more; does nothing while something of it goes on.

        The parts of a session have methods of those above them, and so hold each other in circles.
        Only the collector takes those apart, and may leave a history with its sound for long.
        """
        link = self.link
        goes_on = self._is_busy() or self._is_closing() or link.calls.running
        if not goes_on:
            link.come_apart()
            vars(self).clear()

    def _begin_close(self) -> asyncio.Task[None]:
        self._generation += 1
        self._connecting = False
        self._expiry.stop()
        if self._closing is None or self._closing.done():
            attempt, self._attempt = self._attempt, None
            self._closing = asyncio.ensure_future(self._clean_up(self.link.stop(), attempt))
        return self._closing

    def _finish(self) -> None:
        """Close because of an event, which cannot wait for that; a failure is an `error` event."""
        if self._closing is None or self._closing.done():
            self._begin_close().add_done_callback(self._report_failure)

    def _report_failure(self, closing: asyncio.Task[None]) -> None:
        error = None if closing.cancelled() else closing.exception()
        if isinstance(error, Exception):
            self.link.broadcast.report(error)

    async def _clean_up(
        self, running: set[asyncio.Task[None]], attempt: asyncio.Task[None] | None
    ) -> None:
        if running:
            await asyncio.wait(running, timeout=GRACE_S)
        mending = self._mending
        if mending is not None and mending is not asyncio.current_task() and not mending.done():
            # An attempt that was being made closes what it has opened.
            mending.cancel()
            await asyncio.wait([mending])
        link = self.link
        link.outbox.clear()
        try:
            if attempt is not None and not attempt.done():
                # The attempt closes what it has opened.
                attempt.cancel()
                await asyncio.wait([attempt])
            # Whatever its status: some of it may outlive a connection, and ends with the session.
            await link.transport.shut()
        finally:
            link.conversation.disconnected()
            link.sound_writer.start(link.conversation.take_writings())
            try:
                await link.sound_writer.done()
            finally:
                link.broadcast.finish(None)

    def _check_current(self, mine: int) -> None:
        if mine != self._generation:
            raise TransportError("connect() was superseded: the session was closed meanwhile")
