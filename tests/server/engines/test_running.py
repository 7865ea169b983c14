"""Engines as the service opens, loads and closes them."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from rtaudio.server import RealtimeServer
from rtaudio.server.engines.running import running


class Opens:
    def __init__(self) -> None:
        self.log: list[str] = []

    async def __aenter__(self) -> None:
        self.log.append("open")

    async def __aexit__(self, *_: object) -> None:
        self.log.append("closed")


class Loads:
    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.thread: threading.Thread | None = None

    def load(self) -> None:
        self.thread = threading.current_thread()
        if self.error is not None:
            raise self.error


async def test_engines_are_opened_and_closed_and_loaded_in_a_thread() -> None:
    opens, loads = Opens(), Loads()
    async with running(opens, None, loads, object()):
        assert opens.log == ["open"]
    assert opens.log == ["open", "closed"]
    assert loads.thread not in (None, threading.main_thread())


async def test_one_that_does_not_load_is_logged_by_kind_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running(Loads(RuntimeError("the secret"))):
        pass
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text


async def test_the_service_does_so_with_its_responder_and_voice(talk: Any, tone_voice: Any) -> None:
    class Responder(Opens):
        async def respond(self, *_: object) -> Any:
            yield "never"

    class Voice(tone_voice):  # type: ignore[misc]
        def load(self) -> None:
            self.loaded = True

    responder, voice = Responder(), Voice()
    async with talk(responder=responder, voice=voice):
        assert responder.log == ["open"]
    assert responder.log == ["open", "closed"]
    assert voice.loaded


async def test_a_service_that_cannot_listen_closes_them_again(engines: Any) -> None:
    responder = Opens()
    async with RealtimeServer(**engines) as server:
        port = int(server.url.split(":")[2].split("/")[0])
        with pytest.raises(OSError, match="address already in use"):
            await RealtimeServer(port=port, **engines, responder=responder).__aenter__()
    assert responder.log == ["open", "closed"]
