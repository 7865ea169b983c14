"""What is behind each path, and how HTTP clients are told what they did wrong."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest

from rtaudio.server.connection import Connection
from rtaudio.server.web import http_body

if TYPE_CHECKING:
    from collections.abc import Callable


def told(message: str, code: str | None = None) -> dict[str, Any]:
    return {
        "error": {
            "message": message,
            "type": "invalid_request_error",
            "param": None,
            "code": code,
        }
    }


async def test_an_unknown_path_is_refused_in_the_protocols_words(http: Callable[..., Any]) -> None:
    async with http() as (client, _), client.get("/v2/realtime") as response:
        assert response.status == 404
        assert await response.json() == told("There is nothing at /v2/realtime.", "not_found")


async def test_a_wrong_method_is_refused_and_the_right_ones_named(http: Callable[..., Any]) -> None:
    async with http() as (client, _), client.post("/v1/realtime") as response:
        assert response.status == 405
        assert "GET" in response.headers["Allow"]
        assert (await response.json())["error"]["code"] == "method_not_allowed"


async def test_a_request_without_an_upgrade_is_told_to_upgrade(http: Callable[..., Any]) -> None:
    async with http() as (client, _), client.get("/v1/realtime") as response:
        assert response.status == 426
        assert response.headers["Upgrade"] == "websocket"
        assert (await response.json())["error"]["code"] == "upgrade_required"


@pytest.mark.parametrize("path", ["/v1/realtime", "/v1/realtime/"])
async def test_the_path_may_end_in_a_slash(http: Callable[..., Any], path: str) -> None:
    async with http() as (client, _), client.ws_connect(path) as socket:
        assert (await socket.receive_json())["type"] == "session.created"


async def test_a_request_that_cannot_be_read_is_refused_and_quoted_in_no_log(
    http: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with http() as (_, server):
        host, port = server.url.split("/")[2].split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET / HTTP/1.1\r\nAuthorization: Bearer s3cret\r\ns3cret\x00\r\n\r\n")
        assert b"400" in await reader.readline()
        writer.close()
        await writer.wait_closed()
    assert "s3cret" not in caplog.text


async def test_a_session_that_fails_closes_its_connection_and_tells_nothing(
    http: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(_: Connection) -> None:
        raise RuntimeError("what was said")

    async with http() as (client, server):
        monkeypatch.setattr(Connection, "run", fail)
        async with client.ws_connect("/v1/realtime") as socket:
            assert (await socket.receive()).data == 1011
        monkeypatch.undo()
        async with client.ws_connect("/v1/realtime") as socket:
            assert (await socket.receive_json())["type"] == "session.created"
        assert server.sessions <= 1
    assert "a request failed: RuntimeError" in caplog.text
    assert "what was said" not in caplog.text


async def test_a_body_that_does_not_arrive_is_given_up(
    http: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_body, "_READ_S", 0.01)
    async with http() as (_, server):
        host, port = server.url.split("/")[2].split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            b"POST /v1/realtime/client_secrets HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Content-Length: 100\r\n\r\n{"
        )
        assert b"408" in await reader.readline()
        writer.close()
        await writer.wait_closed()
