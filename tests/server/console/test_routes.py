"""The console's files as the service hands them out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

import rtaudio.server.console
from rtaudio.server import RealtimeServer

CSP = "Content-Security-Policy"
FILES = Path(rtaudio.server.console.__file__).parent


async def fetch(server: RealtimeServer, path: str) -> tuple[aiohttp.ClientResponse, str]:
    url = URL(server.console_url.removesuffix("/") + path, encoded=True)
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response, await response.text()


async def test_the_page_is_at_the_root_with_a_policy_that_allows_only_its_own_files(
    engines: dict[str, Any],
) -> None:
    async with RealtimeServer(**engines) as server:
        response, text = await fetch(server, "/")
    assert response.status == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert text.startswith("<!doctype html>")
    policy = dict(p.strip().split(" ", 1) for p in response.headers[CSP].split(";"))
    assert policy.pop("default-src") == "'none'"
    assert set(policy.values()) == {"'self'", "'none'"}


async def test_all_its_files_are_served_and_no_other(engines: dict[str, Any]) -> None:
    async with RealtimeServer(**engines) as server:
        for path in FILES.rglob("*"):
            if path.is_dir() or path.suffix == ".pyc" or path.name == "index.html":
                continue
            response, text = await fetch(server, f"/console/{path.relative_to(FILES)}")
            if path.suffix == ".py":
                assert response.status == 404
            else:
                assert (response.status, text) == (200, path.read_text("utf-8"))
                assert CSP in response.headers
        for elsewhere in ("/console/", "/console/../access.py", "/console/%2e%2e/access.py"):
            response, _ = await fetch(server, elsewhere)
            assert response.status == 404


@pytest.mark.parametrize(
    "path",
    [p for p in FILES.rglob("*") if p.suffix in (".js", ".css", ".html", ".svg")],
    ids=lambda path: path.name,
)
def test_no_file_refers_to_another_origin_or_brings_code_inline(path: Path) -> None:
    text = path.read_text("utf-8")
    addresses = set(re.findall(r"""(?:https?:)?//[\w.-]+\.[\w.-]+[^\s"']*""", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<script>|<style>|\son\w+=|style=|javascript:|innerHTML", text)
