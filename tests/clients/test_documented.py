"""How docs/service.md points clients at the service is how it is done."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from rtaudio.server.engines.echo import EchoResponder

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "service.md").read_text("utf-8")
ADDRESS = "127.0.0.1:8765"
CLIENTS = {
    "openai": ("from openai import", "-c"),
    "agents_python": ("from agents.realtime import", "-c"),
    "node": ('from "@openai/agents-realtime"', "--eval"),
}


@pytest.mark.parametrize("client", CLIENTS)
def test_code_for_a_client_runs(client: str, run: Any, request: pytest.FixtureRequest) -> None:
    begin, option = CLIENTS[client]
    if client == "openai":
        pytest.importorskip("openai", reason="the 'dev' extra has openai")
        program = [sys.executable]
    elif client == "agents_python":
        program = [request.getfixturevalue("agents_python")]
    else:
        program = [request.getfixturevalue("node"), "--input-type=module"]
    (code,) = (code for code in re.findall(r"```(?:py|js)\n(.*?)```", PAGE, re.S) if begin in code)
    assert ADDRESS in code

    def command(url: str) -> list[Any]:
        address = url.removeprefix("ws://").partition("/")[0]
        return [*program, option, code.replace(ADDRESS, address)]

    printed = run(command, responder=EchoResponder())
    (expected,) = re.findall(r"(?:#|//) prints: (.*)", code)
    assert expected in printed
