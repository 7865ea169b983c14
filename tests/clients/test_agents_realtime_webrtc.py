"""`@openai/agents-realtime` in a browser, over WebRTC to the embedded service."""

from __future__ import annotations

import base64
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import numpy as np
import pytest
from aiohttp import web
from browser import open_page, write_microphone

from rtaudio.audio import AudioClip, AudioConverter, AudioFormat, load

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

HERE = Path(__file__).parent
PACKAGE = HERE / "node_modules" / "@openai" / "agents-realtime" / "dist" / "bundle"
SISTER = "tired of sitting by her sister on the bank"
RUN = "([name, url, key]) => import('/scenarios.js').then((it) => it.run(name, url, key))"
TOKEN = "a token that the page never sees"


async def ephemeral_key(service: str) -> str:
    """What an application's own server hands to its pages."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{service}v1/realtime/client_secrets", json={}) as response,
    ):
        assert response.status == 200, await response.text()
        secret = await response.json()
    return str(secret["value"])


@asynccontextmanager
async def application() -> AsyncIterator[str]:
    """Serve the application's page, and return its origin."""

    async def index(request: web.Request) -> web.Response:  # noqa: ARG001
        return web.Response(text="<!doctype html>", content_type="text/html")

    async def scenarios(request: web.Request) -> web.FileResponse:  # noqa: ARG001
        return web.FileResponse(HERE / "agents_realtime_page.js")

    app = web.Application()
    app.router.add_get("/", index)
    app.router.add_get("/scenarios.js", scenarios)
    app.router.add_static("/package", PACKAGE)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture
def play(make_service: Any, speech: bytes, tmp_path: Path) -> Callable[..., Awaitable[Any]]:
    """Plays a scenario; the microphone hears Alice two seconds after it was opened, or nothing."""
    if not PACKAGE.exists():
        pytest.skip("the packages for Node are not installed; run 'make clients'")

    async def start(name: str, *, speaks: bool = False) -> Any:
        samples = np.frombuffer(speech if speaks else b"", np.int16)
        microphone = tmp_path / "microphone.wav"
        write_microphone(microphone, AudioClip(samples, 24000), before_s=2)
        async with (
            application() as origin,
            make_service(token=TOKEN, allow_origins=[origin]) as service,
            open_page(microphone) as page,
        ):
            await page.goto(origin)
            key = await ephemeral_key(service.console_url)
            return await page.evaluate(RUN, [name, service.calls_url, key])

    return start


@pytest.fixture
def understood(heard: Callable[[bytes], str], tmp_path: Path) -> Callable[[str], str]:
    """What the recogniser understands of a recording that the page made."""

    def listen(webm: str) -> str:
        path = tmp_path / "heard.webm"
        path.write_bytes(base64.b64decode(webm))
        clip = load(path)
        source = AudioFormat("pcm16", clip.sample_rate, channels=clip.channels)
        converter = AudioConverter(source, AudioFormat("pcm16", 24000))
        return heard(converter.process(clip.samples) + converter.flush())

    return listen


async def test_a_message_is_answered_aloud(play: Any, understood: Any) -> None:
    text = await play("text")
    assert text["said"] == "You said: Good morning"
    assert "good morning" in understood(text["heard"]).lower()
    assert text["callId"].startswith("rtc_")
    assert text["history"] == [
        {"role": "user", "status": "completed", "text": "Good morning"},
        {"role": "assistant", "status": "completed", "text": "You said: Good morning"},
    ]


async def test_speech_is_understood_and_answered_aloud(play: Any, understood: Any) -> None:
    speech = await play("speech", speaks=True)
    assert SISTER in speech["said"]
    assert "by her sister on the bank" in understood(speech["heard"])
    assert [item["role"] for item in speech["history"]] == ["user", "assistant"]
    assert SISTER in speech["history"][0]["text"]


async def test_a_function_is_called_and_its_output_answered(play: Any) -> None:
    tool = await play("tool")
    assert (tool["result"], tool["said"]) == ("sun in Oslo", "There is sun in Oslo.")
    assert {"call": "weather", "output": "sun in Oslo"} in tool["history"]


async def test_the_application_interrupts_an_answer(play: Any) -> None:
    interrupt = await play("interrupt")
    assert 0 <= interrupt["heard"] < 60_000
    assert [item["status"] for item in interrupt["history"]] == ["completed", "incomplete"]


async def test_speech_interrupts_an_answer_and_is_answered_itself(play: Any) -> None:
    interjection = await play("interjection", speaks=True)
    assert interjection["cut"] == {"type": "cancelled", "reason": "turn_detected"}
    assert "nothing to do" in interjection["said"]  # how Alice ends
    assert [(item["role"], item["status"]) for item in interjection["history"]] == [
        ("user", "completed"),
        ("assistant", "incomplete"),
        ("user", "completed"),
        ("assistant", "completed"),
    ]
