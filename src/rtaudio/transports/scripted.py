"""A transport without a network, for tests of applications.

It records what a session asks of it, plays the service's part when told to, and fails where it is
told to fail. Nothing depends on time: `expect_call` waits for the session to act, everything else
happens at once.

    transport = ScriptedTransport()
    async with RealtimeSession(agent, transport=transport) as session:
        await transport.expect_call("connect")
        update = await transport.expect_call("send_event")
        assert update.event["type"] == "session.update"
        transport.emit({"type": "session.created", "event_id": "e1", "session": {...}})
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import msgspec

from rtaudio.errors import ConfigError, TransportError
from rtaudio.transports.base import ConnectOptions, RawMessage, RealtimeTransport

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from typing_extensions import Buffer

__all__ = ["RecordedCall", "ScriptError", "ScriptedTransport"]

_METHODS = ("connect", "send_event", "send_audio", "mute", "close")


class ScriptError(AssertionError):
    """What happened is not what the test's script says."""


class RecordedCall(msgspec.Struct, frozen=True, kw_only=True):
    """One call that a session made.

    Attributes:
        index: zero-based position among all calls of this transport.
        method: `connect`, `send_event`, `send_audio`, `mute` or `close`.
        payload: a copy of what was passed.
    """

    index: int
    method: str
    payload: Any = None

    def __repr__(self) -> str:
        return f"call {self.index} ({self.summary})"

    @property
    def event(self) -> dict[str, Any]:
        """What `send_event` was given, a new copy each time."""
        copy: dict[str, Any] = deepcopy(self.payload) if self.method == "send_event" else {}
        return copy

    @property
    def audio(self) -> bytes:
        """What `send_audio` was given."""
        return self.payload if isinstance(self.payload, bytes) else b""

    @property
    def options(self) -> dict[str, Any]:
        """What `connect` was given; of the key only whether there was one (`api_key_given`)."""
        copy: dict[str, Any] = deepcopy(self.payload) if self.method == "connect" else {}
        return copy

    @property
    def summary(self) -> str:
        """Method and kind of event, without content."""
        kind = self.payload.get("type") if self.method == "send_event" else None
        return self.method if kind is None else f"{self.method}: {kind}"


class ScriptedTransport(RealtimeTransport):
    """Records calls and plays the service's part. See the module's text.

    Attributes:
        calls: everything a session asked for so far, as an immutable sequence.
    """

    def __init__(self) -> None:
        self._calls: list[RecordedCall] = []
        self._next = 0
        self._failures: dict[str, deque[BaseException]] = defaultdict(deque)
        self._arrival: asyncio.Future[None] | None = None
        self._awaited: str | None = None
        self._over = False
        self._open = False

    # The contract.

    async def connect(self, options: ConnectOptions) -> None:
        """Record the attempt and succeed."""
        self._record(
            "connect",
            {
                "api_key_given": options.api_key is not None,
                "model": options.model,
                "url": options.url,
                "call_id": options.call_id,
                "intent": options.intent,
                "initial_session_config": deepcopy(options.initial_session_config),
            },
        )
        self._open = True

    async def send_event(self, event: Mapping[str, Any]) -> None:
        """Record the event.

        Raises:
            TransportError: not connected.
        """
        if not self._open:
            raise TransportError(f"cannot send: the transport is {self.status}")
        self._record("send_event", deepcopy(dict(event)))

    async def send_audio(self, pcm: Buffer) -> None:
        """Record the sound."""
        if self._open:
            self._record("send_audio", bytes(memoryview(pcm).cast("B")))

    def mute(self, muted: bool) -> None:
        """Record the wish, and refuse it like a WebSocket."""
        self._record("mute", muted)
        super().mute(muted)

    async def close(self) -> None:
        """Record the call, if there is anything to close."""
        if self._open:
            self._open = False
            self._record("close", None)

    # The service's part.

    def emit(self, *events: RawMessage) -> None:
        """Let these events arrive, now and in this order."""
        for event in events:
            self.receive(event)

    def disconnect(self, error: Exception | None = None) -> None:
        """Let the connection end: in good order, or with the given error."""
        self._open = False
        self.lost(error)

    def fail_next_call(self, method: str, error: BaseException) -> None:
        """Let the next call of a method that has no failure yet raise; it is recorded all the same.

        Raises:
            ConfigError: there is no such method.
        """
        if method not in _METHODS:
            raise ConfigError(f"method must be one of {', '.join(_METHODS)}, got {method!r}")
        self._failures[method].append(error)

    # Expectations.

    @property
    def calls(self) -> tuple[RecordedCall, ...]:
        """Everything a session asked for so far."""
        return tuple(self._calls)

    async def expect_call(
        self, method: str, matcher: Callable[[RecordedCall], bool | None] | None = None
    ) -> RecordedCall:
        """Take the next recorded call, waiting for it where it has not been made yet.

        Args:
            method: which method it must be.
            matcher: looks at the call; False refuses it, an exception passes through.

        Raises:
            ScriptError: another method was called, the matcher refused, or the exercise of
                `run_scenario` ended without the call.
        """
        if self._next >= len(self._calls):
            if self._over:
                raise ScriptError(f"expected {method}, but nothing more was called")
            if self._arrival is not None:
                raise ScriptError("two expectations wait at once; the script has to be in order")
            self._awaited = method
            self._arrival = asyncio.get_running_loop().create_future()
            try:
                await self._arrival
            finally:
                self._arrival = self._awaited = None
        call = self._calls[self._next]
        self._next += 1
        if call.method != method:
            raise ScriptError(f"expected {method}, got {call!r}")
        if matcher is not None and matcher(call) is False:
            raise ScriptError(f"{call!r} is not what was expected")
        return call

    def assert_complete(self) -> None:
        """Check that every call was expected, and every failure happened.

        Raises:
            ScriptError: something is left over.
        """
        if self._next < len(self._calls):
            raise ScriptError(f"not expected: {self._calls[self._next]!r}")
        unused = [method for method, errors in self._failures.items() if errors]
        if unused:
            raise ScriptError(f"these were to fail and were not called: {', '.join(unused)}")

    def assert_closed(self) -> None:
        """Check that nothing is open.

        Raises:
            ScriptError: the transport is connecting or connected.
        """
        if self._open or self.status != "disconnected":
            raise ScriptError(f"the transport is still {self.status}")

    async def run_scenario(
        self,
        scenario: Callable[[ScriptedTransport], Awaitable[None]],
        exercise: Callable[[], Awaitable[None]],
    ) -> None:
        """Run the service's script and the code under test side by side, until both are done.

        Raises:
            ScriptError: the script does not fit what was called, or something is left over.
            BaseException: whatever either of them raises, first come first.
        """
        self._over = False
        script = asyncio.ensure_future(scenario(self))
        tested = asyncio.ensure_future(exercise())
        try:
            await asyncio.wait([script, tested], return_when=asyncio.FIRST_COMPLETED)
            if tested.done() and not script.done():
                tested.result()
                self._finish_waiting()
            if script.done():
                script.result()
            await asyncio.wait([script, tested], return_when=asyncio.FIRST_EXCEPTION)
            for task in (script, tested):
                if task.done():
                    task.result()
        finally:
            for task in (script, tested):
                task.cancel()
            await asyncio.gather(script, tested, return_exceptions=True)
        self.assert_complete()

    def _finish_waiting(self) -> None:
        """No further call will come."""
        self._over = True
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_exception(
                ScriptError(f"expected {self._awaited}, but nothing more was called")
            )

    def _record(self, method: str, payload: Any) -> None:
        self._calls.append(RecordedCall(index=len(self._calls), method=method, payload=payload))
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)
        if self._failures[method]:
            raise self._failures[method].popleft()
