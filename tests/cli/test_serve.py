"""`rtaudio serve` as a process: what it prints, and how it ends."""

from __future__ import annotations

import asyncio
import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from asyncio.subprocess import PIPE
from typing import TYPE_CHECKING, Any

import pytest
from chat_endpoint import chat_endpoint
from typer.testing import CliRunner
from websockets.asyncio.client import connect as connect_async
from websockets.sync.client import connect

from rtaudio.cli.main import app
from rtaudio.server import Limits, RealtimeServer

if TYPE_CHECKING:
    from collections.abc import Coroutine

pytest.importorskip("faster_whisper")

COMMAND = [sys.executable, "-m", "rtaudio", "serve"]


def test_it_prints_its_address_serves_and_ends_cleanly_at_ctrl_c() -> None:
    environment = {k: v for k, v in os.environ.items() if k != "RTAUDIO_TOKEN"}
    with subprocess.Popen(
        [*COMMAND, "--port", "0", "--session-limit", "30"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment | {"PYTHONUNBUFFERED": "1"},
    ) as process:
        try:
            assert process.stdout is not None
            url = re.search(r"ws://127\.0\.0\.1:\d+/v1/realtime", process.stdout.readline())
            assert url is not None
            # What has been read ahead here, `communicate` does not see.
            calls = process.stdout.readline()
            assert calls == f"Calls over WebRTC: http{url[0].removeprefix('ws')}/calls\n"
            page = url[0].replace("ws:", "http:").removesuffix("v1/realtime")
            assert process.stdout.readline() == f"Console: {page}\n"
            with connect(url[0]) as client:
                created = json.loads(client.recv())
                assert created["type"] == "session.created"
                assert abs(created["session"]["expires_at"] - time.time() - 30 * 60) < 300
                process.send_signal(signal.SIGINT)
                rest, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0
    assert "Stopped" in rest
    assert errors == ""


async def test_a_chat_endpoint_answers_and_its_key_comes_from_the_environment() -> None:
    key = "sk-very-secret"
    async with chat_endpoint() as endpoint:
        process = await asyncio.create_subprocess_exec(
            *[*COMMAND, "--port", "0", "--chat", endpoint.url, "--chat-model", "small"],
            stdout=PIPE,
            stderr=PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "RTAUDIO_CHAT_KEY": key},
        )
        try:
            assert process.stdout is not None
            line = (await process.stdout.readline()).decode()
            url = re.search(r"ws://127\.0\.0\.1:\d+/v1/realtime", line)
            assert url is not None
            async with connect_async(url[0]) as client:
                asked = {"output_modalities": ["text"], "instructions": "Be brief."}
                await client.send(json.dumps({"type": "response.create", "response": asked}))
                async for message in client:
                    if (event := json.loads(message))["type"] == "response.output_text.done":
                        break
                assert event["text"] == "Hello."
            process.send_signal(signal.SIGINT)
            rest, errors = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()
        ((body, _, headers),) = endpoint.requests
    assert body["model"] == "small"
    assert body["messages"] == [{"role": "system", "content": "Be brief."}]
    assert headers["Authorization"] == f"Bearer {key}"
    assert key.encode() not in rest + errors


def test_beyond_this_machine_it_demands_a_token() -> None:
    done = subprocess.run(
        [*COMMAND, "--host", "0.0.0.0"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={k: v for k, v in os.environ.items() if k != "RTAUDIO_TOKEN"},
    )
    assert done.returncode == 2
    assert "--token" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--script", "no-such-file.json"], "no-such-file.json"),
        (["--chat", "127.0.0.1:11434"], "must begin with http"),
        (["--chat", "http://127.0.0.1", "--script", "rules.json"], "give one of them"),
        (["--chat-model", "small"], "nothing without --chat"),
    ],
)
def test_options_that_cannot_be_are_named(options: list[str], message: str) -> None:
    done = subprocess.run(
        [*COMMAND, *options], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_key_without_a_certificate_is_refused() -> None:
    done = subprocess.run(
        [*COMMAND, "--tls-key", "key.pem"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert "--tls-cert" in done.stderr


def test_without_tls_other_machines_are_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(coroutine: Coroutine[Any, Any, None]) -> None:
        coroutine.close()  # it would listen

    monkeypatch.setattr("rtaudio.cli.serve.asyncio.run", run)
    monkeypatch.setenv("RTAUDIO_TOKEN", "s3cret")
    shown = CliRunner().invoke(app, ["serve", "--host", "0.0.0.0"])
    assert shown.exit_code == 0
    assert "in the clear" in shown.stderr
    assert "s3cret" not in shown.output
    assert "clear" not in CliRunner().invoke(app, ["serve"]).output


@pytest.mark.parametrize(
    ("options", "sessions", "idle_s"),
    [
        ([], 256, 1800.0),
        (["--max-sessions", "3", "--idle-limit", "0.5"], 3, 30.0),
        (["--idle-limit", "0"], 256, math.inf),
    ],
)
def test_limits_are_passed_on(
    monkeypatch: pytest.MonkeyPatch, options: list[str], sessions: int, idle_s: float
) -> None:
    made: list[Limits] = []

    class Noted(RealtimeServer):
        def __init__(self, *args: Any, **named: Any) -> None:
            made.append(named["limits"])
            super().__init__(*args, **named)

    monkeypatch.setattr("rtaudio.server.RealtimeServer", Noted)
    monkeypatch.setattr("rtaudio.cli.serve.asyncio.run", lambda coroutine: coroutine.close())
    assert CliRunner().invoke(app, ["serve", *options]).exit_code == 0
    assert [(limits.sessions, limits.idle_s) for limits in made] == [(sessions, idle_s)]
