"""Turns over a session: commits answered in order, transcripts in any."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rtaudio.errors import AuthenticationError, ConfigError, ConnectionLost, TransportError
from rtaudio.transcribe import line as line_module
from rtaudio.transcribe.line import (
    APPEND_SAMPLES,
    SessionLine,
    check_url,
    transcription_config,
)
from rtaudio.transcribe.runner import TurnFailed

if TYPE_CHECKING:
    from collections.abc import Callable


class FakeSession:
    """Stands in for a connected session: records what is sent, and says what the test says."""

    def __init__(self) -> None:
        self.handlers: dict[str, list[Callable[[Any], None]]] = defaultdict(list)
        self.sent: list[int | str] = []
        self.closed = 0
        self.connect_error: Exception | None = None
        self.send_error: Exception | None = None
        self.on_connect: Callable[[], None] = self.configure
        self.committed = asyncio.Event()

    def on(self, name: str, handler: Callable[[Any], None]) -> None:
        self.handlers[name].append(handler)

    def off(self, name: str, handler: Callable[[Any], None]) -> None:
        self.handlers[name].remove(handler)

    def say(self, name: str, **facts: Any) -> None:
        for handler in list(self.handlers[name]):
            handler(SimpleNamespace(type=name, **facts))

    def configure(self) -> None:
        self.say("transport_event", event={"type": "session.created"})
        self.say("transport_event", event={"type": "session.updated"})

    async def connect(self) -> None:
        if self.connect_error is not None:
            raise self.connect_error
        self.on_connect()

    async def send_audio(self, pcm: Any) -> None:
        if self.send_error is not None:
            raise self.send_error
        self.sent.append(len(pcm))

    async def commit_audio(self) -> None:
        self.sent.append("commit")
        self.committed.set()

    async def close(self) -> None:
        self.closed += 1

    async def commits(self, count: int) -> None:
        while self.sent.count("commit") < count:
            self.committed.clear()
            await self.committed.wait()


PCM = np.zeros(10, np.int16)


def a_line(*sessions: FakeSession, in_flight: int = 3) -> SessionLine:
    waiting = iter(sessions)
    return SessionLine(lambda: next(waiting), in_flight=in_flight)  # type: ignore[arg-type]


async def test_a_turn_is_appends_and_one_commit() -> None:
    session = FakeSession()
    turn = asyncio.create_task(a_line(session).turn(np.zeros(APPEND_SAMPLES * 2 + 5, np.int16)))
    await session.commits(1)
    session.say("input_audio_committed", item_id="i1")
    session.say("transcript_completed", item_id="i1", transcript="Call me Ishmael.")
    assert await turn == "Call me Ishmael."
    assert session.sent == [APPEND_SAMPLES, APPEND_SAMPLES, 5, "commit"]


async def test_transcripts_are_matched_by_item_in_whatever_order_they_come() -> None:
    session = FakeSession()
    line = a_line(session)
    turns = [asyncio.create_task(line.turn(PCM)) for _ in range(3)]
    await session.commits(3)
    for item in "abc":
        session.say("input_audio_committed", item_id=item)
    for item in "cab":
        session.say("transcript_completed", item_id=item, transcript=item.upper())
    assert await asyncio.gather(*turns) == ["A", "B", "C"]


async def test_no_more_turns_are_in_flight_than_allowed() -> None:
    session = FakeSession()
    line = a_line(session, in_flight=2)
    turns = [asyncio.create_task(line.turn(PCM)) for _ in range(3)]
    await session.commits(2)
    for _ in range(5):
        await asyncio.sleep(0)
    assert session.sent.count("commit") == 2
    session.say("input_audio_committed", item_id="a")
    session.say("transcript_completed", item_id="a", transcript="A")
    await session.commits(3)
    await line.close()
    results = await asyncio.gather(*turns, return_exceptions=True)
    assert [type(result) for result in results] == [str, ConnectionLost, ConnectionLost]


async def test_a_transcription_that_fails_is_that_turns_failure_only() -> None:
    session = FakeSession()
    line = a_line(session)
    turns = [asyncio.create_task(line.turn(PCM)) for _ in range(2)]
    await session.commits(2)
    for item in "ab":
        session.say("input_audio_committed", item_id=item)
    session.say("transcript_failed", item_id="a", error={"message": "too noisy"})
    session.say("transcript_completed", item_id="b", transcript="B")
    with pytest.raises(TurnFailed, match="too noisy"):
        await turns[0]
    assert await turns[1] == "B"


async def test_refused_audio_fails_the_oldest_turn_that_is_not_answered() -> None:
    session = FakeSession()
    turn = asyncio.create_task(a_line(session).turn(PCM))
    await session.commits(1)
    error = SimpleNamespace(message="buffer too small", code="input_audio_buffer_commit_empty")
    session.say("error", error=SimpleNamespace(error=error))
    with pytest.raises(TurnFailed, match="buffer too small"):
        await turn


async def test_a_lost_connection_fails_all_turns_and_the_next_turn_connects_anew() -> None:
    first, second = FakeSession(), FakeSession()
    line = a_line(first, second)
    turns = [asyncio.create_task(line.turn(PCM)) for _ in range(2)]
    await first.commits(2)
    first.say("input_audio_committed", item_id="a")
    first.say("connection_change", status="disconnected")
    results = await asyncio.gather(*turns, return_exceptions=True)
    assert [type(result) for result in results] == [ConnectionLost, ConnectionLost]
    turn = asyncio.create_task(line.turn(PCM))
    await second.commits(1)
    assert first.closed == 1
    second.say("input_audio_committed", item_id="a")
    second.say("transcript_completed", item_id="a", transcript="A")
    assert await turn == "A"


async def test_a_connection_that_breaks_while_sending_is_a_lost_one() -> None:
    session = FakeSession()
    session.send_error = TransportError("broken pipe")
    with pytest.raises(ConnectionLost, match="broken pipe"):
        await a_line(session).turn(PCM)


async def test_refused_credentials_are_not_tried_again() -> None:
    session = FakeSession()
    session.connect_error = AuthenticationError("401")
    line = a_line(session)
    for _ in range(2):
        with pytest.raises(AuthenticationError, match="401"):
            await line.turn(PCM)
    assert session.closed == 1


async def test_a_refused_session_says_why() -> None:
    session = FakeSession()
    error = {"type": "error", "error": {"message": "no such model"}}
    session.on_connect = lambda: session.say("error", error=error)
    with pytest.raises(ConfigError, match="refused the session: no such model"):
        await a_line(session).turn(PCM)


async def test_a_service_that_never_confirms_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_module, "CONFIGURE_TIMEOUT_S", 0.0)
    session = FakeSession()
    session.on_connect = lambda: None
    with pytest.raises(TransportError, match="did not confirm"):
        await a_line(session).turn(PCM)


async def test_a_transcript_that_never_comes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_module, "TURN_TIMEOUT_S", 0.0)
    with pytest.raises(TurnFailed, match="no transcript within"):
        await a_line(FakeSession()).turn(PCM)


def test_the_config_asks_for_hand_made_turns_and_names_only_what_was_given() -> None:
    config = transcription_config(sample_rate=16000, model="whisper-1", language=None)
    assert config == {
        "type": "transcription",
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 16000},
                "transcription": {"model": "whisper-1"},
                "turn_detection": None,
                "noise_reduction": None,
            }
        },
    }


@pytest.mark.parametrize("url", ["ws://h:1/v1/realtime", "wss://h/p?intent=other"])
def test_websocket_addresses_are_accepted(url: str) -> None:
    check_url(url)


@pytest.mark.parametrize("url", ["http://h/?key=secret", "h:80", "ws://", ""])
def test_other_addresses_are_refused_without_repeating_their_secrets(url: str) -> None:
    with pytest.raises(ConfigError, match="is a WebSocket address") as caught:
        check_url(url)
    assert "secret" not in str(caught.value)
