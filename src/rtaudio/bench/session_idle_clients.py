"""Sessions that are open and do nothing, in a process of their own, to see what each takes.

Usage: python -m rtaudio.bench.session_idle_clients NAME resident|traced|left PORT COUNT

Each session has an agent with instructions of its own and two tools, default options, and one
handler, of sound. `resident` and `traced` open COUNT sessions and tell by how much the process, and
what Python's allocators gave out, have grown for each; `left` opens and closes them one by one and
tells what stays. A few are opened before, so that what all share does not count. In the end
sessions are sent sound, to see that they live; then the process prints one JSON object:
`{"kib": 1.5, "correct": true}`.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import sys
import tracemalloc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rtaudio.bench.cases import Absent, need
from rtaudio.bench.processes import ABSENT_STATUS
from rtaudio.bench.session_clients import Listener
from rtaudio.bench.session_server import answer_events, server_event
from rtaudio.transports import RealtimeTransport

if TYPE_CHECKING:
    from rtaudio.transports import ConnectOptions

__all__ = ["CONNECTION", "HOLDERS", "ON_WEBSOCKET", "SESSION_ALONE", "Holder", "main"]

WARM = 20  # sessions before those that count
TIMEOUT_S = 60
ANSWER = {"type": "response.create"}
SOUND = b"response.output_audio.delta"

Heard = Callable[[Any], None]


def _instructions(number: int) -> str:
    return f"You are the porter of house {number}. Answer in one short sentence."


async def tell_weather(city: str, days: int = 1) -> str:
    """Tell the weather.

    Args:
        city: where
        days: how far ahead
    """
    return f"{city}: sun for {days} day(s)"


async def book_table(name: str, guests: int) -> str:
    """Book a table.

    Args:
        name: of whoever comes
        guests: how many
    """
    return f"a table for {guests}, {name}"


class Holder(Protocol):
    """Opens sessions of one kind; made with the service's port and the handler of sound."""

    async def open(self, number: int) -> Any:
        """Open one, and wait until the service has accepted it."""

    async def speak(self, held: Any) -> None:
        """Have the service send it sound."""

    async def close(self, held: Any) -> None:
        """End it."""


class _Loop(RealtimeTransport):
    """A service in the same place, which accepts the session and answers with one delta."""

    def connect(self, options: ConnectOptions) -> None:
        del options
        self.receive(server_event("session.created", session={"type": "realtime"}))

    def send_event(self, event: Mapping[str, Any]) -> None:
        if event["type"] == "session.update":
            self.receive(server_event("session.updated", session=event["session"]))
        elif event["type"] == "response.create":
            for answer in answer_events(1):
                self.receive(answer)

    def close(self) -> None:
        pass


class _Rtaudio:
    def __init__(self, port: int, heard: Heard) -> None:
        from rtaudio.session import function_tool

        self._url = f"ws://127.0.0.1:{port}"
        self._heard = heard
        self._tools = [function_tool(tell_weather), function_tool(book_table)]

    def _options(self) -> dict[str, Any]:
        from rtaudio.transports import WebSocketTransport

        # On the library whose bare connection it is compared with.
        transport = WebSocketTransport(self._url, engine="websockets")
        return {"transport": transport, "api_key": "none"}

    async def open(self, number: int) -> Any:
        from rtaudio.session import RealtimeAgent, RealtimeSession

        agent = RealtimeAgent("Porter", _instructions(number), self._tools)
        session = RealtimeSession(agent, **self._options())
        session.on("audio", self._heard)
        await session.connect()
        return session

    async def speak(self, held: Any) -> None:
        await held.request_response()

    async def close(self, held: Any) -> None:
        await held.close()


class _RtaudioAlone(_Rtaudio):
    def _options(self) -> dict[str, Any]:
        return {"transport": _Loop()}


class _Agents:
    def __init__(self, port: int, heard: Heard) -> None:
        agents, self._realtime = need("agents"), need("agents.realtime")
        self._inputs = need("agents.realtime.model_inputs")
        agents.set_tracing_disabled(True)
        self._settings = {"api_key": "none", "url": f"ws://127.0.0.1:{port}"}
        self._heard = heard
        self._tools = [agents.function_tool(tell_weather), agents.function_tool(book_table)]

    async def open(self, number: int) -> Any:
        agent = self._realtime.RealtimeAgent(
            name="Porter", instructions=_instructions(number), tools=self._tools
        )
        session = await self._realtime.RealtimeRunner(agent).run(model_config=self._settings)
        await session.enter()
        return session, asyncio.create_task(self._listen(session))

    async def _listen(self, session: Any) -> None:
        async for event in session:
            if event.type == "audio":
                self._heard(event)

    async def speak(self, held: Any) -> None:
        message = self._inputs.RealtimeModelSendRawMessage(message=dict(ANSWER))
        await held[0].model.send_event(message)

    async def close(self, held: Any) -> None:
        session, listening = held
        await session.close()
        await asyncio.wait([listening])


class _Bare:
    def __init__(self, port: int, heard: Heard) -> None:
        self._connect = need("websockets.asyncio.client").connect
        self._url = f"ws://127.0.0.1:{port}"
        self._heard = heard

    async def open(self, number: int) -> Any:
        del number
        connection = await self._connect(self._url, compression=None, max_size=None)
        await connection.recv()
        return connection

    async def speak(self, held: Any) -> None:
        await held.send(json.dumps(ANSWER))
        while SOUND not in (message := await held.recv(decode=False)):
            pass
        self._heard(message)

    async def close(self, held: Any) -> None:
        await held.close()


ON_WEBSOCKET = "rtaudio"
SESSION_ALONE = "rtaudio, session without a transport"
CONNECTION = "websockets, connection without a session"

HOLDERS: dict[str, tuple[str, Callable[[int, Heard], Holder]]] = {
    ON_WEBSOCKET: ("rtaudio websockets", _Rtaudio),
    SESSION_ALONE: ("rtaudio", _RtaudioAlone),
    "openai-agents": ("openai-agents websockets", _Agents),
    CONNECTION: ("websockets", _Bare),
}
"""Name to the distributions it is made of, and its class."""


async def _measure(name: str, what: str, port: int, count: int) -> dict[str, Any]:
    listener = Listener()
    holder = HOLDERS[name][1](port, lambda _: listener.heard(b""))
    held = [await holder.open(-number) for number in range(WARM)]
    if what != "resident":
        tracemalloc.start()
    if what == "left":
        await _open_and_close(holder, WARM)
    before = await _used(what)
    if what == "left":
        await _open_and_close(holder, count)
    else:
        held += [await holder.open(number) for number in range(count)]
    grown = await _used(what) - before
    tracemalloc.stop()  # which makes what follows slow
    return {"kib": grown / count / 1024, "correct": await _live(holder, held, listener)}


async def _live(holder: Holder, held: list[Any], listener: Listener) -> bool:
    """Whether every session hears what it is sent."""
    listener.expect(len(held), keep=False)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(TIMEOUT_S):
            for each in held:
                await holder.speak(each)
            await listener.done.wait()
    return listener.count == len(held)


async def _open_and_close(holder: Holder, count: int) -> None:
    for number in range(count):
        await holder.close(await holder.open(number))


async def _used(what: str) -> int:
    """Bytes, once what is under way has come to rest."""
    await asyncio.sleep(0.3)
    gc.collect()
    if what != "resident":
        return tracemalloc.get_traced_memory()[0]
    return _resident()


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def main(arguments: list[str]) -> int:
    """Measure one kind of session.

    Returns:
        The exit status: 0, or 3 where a package is missing.
    """
    name, what, port, count = arguments
    try:
        result = asyncio.run(_measure(name, what, int(port), int(count)))
    except Absent as absent:
        print(absent, file=sys.stderr)
        return ABSENT_STATUS
    print(json.dumps(result), flush=True)
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    # A thousand connections are not worth a good-bye.
    os._exit(status)
