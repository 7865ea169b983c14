from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rtaudio import AuthenticationError, ConfigError, TransportError
from rtaudio.transports.http import Reply, check_http_url, post, refusal


async def test_a_request_arrives_with_its_headers_and_its_answer_comes_back(web: Any) -> None:
    web.answer = b"HTTP/1.1 201 Created\r\nLocation: /calls/rtc_1\r\nContent-Length: 3\r\n\r\nsdp"
    reply = await post(f"{web.base_url}/calls", b"offer", {"Content-Type": "application/sdp"})
    line, headers, body = web.requests[0]
    assert (line, body) == ("POST /v1/calls HTTP/1.1", b"offer")
    assert headers["content-type"] == "application/sdp"
    assert (reply.status, reply.fine, reply.body) == (201, True, b"sdp")
    assert reply.headers["location"] == "/calls/rtc_1"


async def test_a_redirect_is_not_followed_with_the_key(web: Any) -> None:
    place = web.base_url.encode()
    web.answer = b"HTTP/1.1 302 Found\r\nLocation: " + place + b"\r\nContent-Length: 0\r\n\r\n"
    reply = await post(web.base_url, b"", {"Authorization": "Bearer sk-1"})
    assert (reply.status, reply.fine) == (302, False)
    assert len(web.requests) == 1


async def test_no_answer_and_nonsense_are_transport_errors(web: Any) -> None:
    web.answer = b"nonsense\r\n\r\n"
    with pytest.raises(TransportError, match=r"no answer from 127\.0\.0\.1: BadStatusLine"):
        await post(web.base_url, b"", {})
    async with await asyncio.start_server(web.serve, "127.0.0.1", 0) as gone:
        port = gone.sockets[0].getsockname()[1]
    with pytest.raises(TransportError, match="refused"):
        await post(f"http://127.0.0.1:{port}/?key=secret", b"", {})


async def test_a_server_that_says_nothing_is_not_waited_for_longer_than_wanted(web: Any) -> None:
    web.answer = b""
    web.silent = asyncio.Event()
    with pytest.raises(TransportError, match="no answer from"):
        await post(web.base_url, b"", {}, timeout_s=0.01)
    web.silent.set()


async def test_of_a_long_answer_only_so_much_is_read(web: Any) -> None:
    web.answer = b"HTTP/1.1 200 OK\r\n\r\n" + bytes(3 << 20)
    assert len((await post(web.base_url, b"", {})).body) == 1 << 20


@pytest.mark.parametrize(
    ("status", "body", "text", "code"),
    [
        (404, b'{"error": {"code": "gone", "message": "Over."}}', "(HTTP 404): Over.", "gone"),
        (500, b"<p>", "(HTTP 500)", "500"),
        (500, b'{"error": "x"}', "(HTTP 500)", "500"),
        (429, b'{"error": {"code": 7, "message": 8}}', "(HTTP 429)", "429"),
    ],
)
def test_a_refusal_says_what_the_service_said(
    status: int, body: bytes, text: str, code: str
) -> None:
    error = refusal("the call", Reply(status, {}, body))
    assert str(error) == f"the service refused the call {text}"
    assert error.code == code
    assert not isinstance(error, AuthenticationError)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_not_repeated(status: int) -> None:
    error = refusal("the call", Reply(status, {}, b'{"error": {"message": "key sk-1 is wrong"}}'))
    assert isinstance(error, AuthenticationError)
    assert str(error) == f"the service refused the call (HTTP {status})"


@pytest.mark.parametrize("url", [None, "ws://host/secret", "https://", "host"])
def test_addresses_of_no_web_server_are_refused(url: Any) -> None:
    with pytest.raises(ConfigError, match="base_url") as caught:
        check_http_url("base_url", url)
    assert "secret" not in str(caught.value)
