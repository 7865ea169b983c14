"""What making and ending a call is answered over HTTP."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from rtaudio.server import Limits, RealtimeServer

pytest.importorskip("aiortc", reason="CALLS ARE NOT TESTED: pip install 'rtaudio[webrtc]'")
from call_client import CallClient, in_call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CALLS = "/v1/realtime/calls"
SDP = {"Content-Type": "application/sdp"}


@asynccontextmanager
async def http_of(
    engines: dict[str, Any], **options: Any
) -> AsyncIterator[tuple[aiohttp.ClientSession, RealtimeServer]]:
    async with (
        RealtimeServer(**engines, **options) as server,
        aiohttp.ClientSession(server.calls_url.removesuffix(CALLS)) as http,
    ):
        yield http, server


@pytest.fixture
async def offer() -> AsyncIterator[str]:
    """A good one, of a client that never connects."""
    client = CallClient()
    yield await client.offer()
    await client.close()


async def refusal(response: aiohttp.ClientResponse) -> tuple[int, str | None, str | None]:
    """Status, code and param."""
    error = (await response.json())["error"]
    assert error["message"]
    return response.status, error["code"], error["param"]


def form(**parts: str) -> aiohttp.FormData:
    fields = aiohttp.FormData(default_to_multipart=True)
    for name, text in parts.items():
        fields.add_field(name, text)
    return fields


async def test_an_offer_is_answered_and_the_call_named(engines: dict[str, Any], offer: str) -> None:
    async with (
        http_of(engines) as (http, server),
        http.post(
            CALLS, data=offer, headers={"Content-Type": "application/sdp; charset=utf-8"}
        ) as r,
    ):
        assert r.status == 201
        assert r.content_type == "application/sdp"
        location = r.headers["Location"]
        assert location.startswith(f"{CALLS}/rtc_")
        answer = await r.text()
        assert answer.startswith("v=0")
        assert "opus/48000/2" in answer
        # Where only this machine is listened to, the sound does not arrive elsewhere either.
        candidates = [line for line in answer.splitlines() if line.startswith("a=candidate:")]
        assert candidates
        assert all(" 127.0.0.1 " in line for line in candidates)
        assert server.sessions == 1


async def test_hanging_up_ends_the_call_once(engines: dict[str, Any]) -> None:
    async with (
        http_of(engines) as (http, server),
        in_call(server.calls_url) as (client, _),
    ):
        where = f"{CALLS}/{client.call_id}/hangup"
        async with http.post(where) as response:
            assert response.status == 200
        assert server.sessions == 0
        await client.closed.wait()
        async with http.post(where) as response:
            assert await refusal(response) == (404, "call_id_not_found", "call_id")


async def test_settings_that_come_with_the_offer_apply(engines: dict[str, Any]) -> None:
    session = {"type": "realtime", "model": "small", "instructions": "Be brief."}
    async with (
        RealtimeServer(**engines) as server,
        in_call(server.calls_url, session) as (_, created),
    ):
        assert (created["model"], created["instructions"]) == ("small", "Be brief.")


async def test_a_transcription_session_can_be_a_call(engines: dict[str, Any]) -> None:
    async with (
        RealtimeServer(**engines) as server,
        in_call(server.calls_url, {"type": "transcription"}) as (_, created),
    ):
        assert created["type"] == "transcription"


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"session": "{}"}, (400, "missing_required_parameter", "sdp")),
        ({"sdp": "OFFER", "session": "{"}, (400, "invalid_json", "session")),
        ({"sdp": "OFFER", "session": "[]"}, (400, "invalid_json", "session")),
        ({"sdp": "OFFER", "session": "{}"}, (400, "missing_required_parameter", "session.type")),
        (
            {"sdp": "OFFER", "session": '{"type": "realtime", "speed": 2}'},
            (400, "unknown_parameter", "session.speed"),
        ),
        ({"sdp": "OFFER", "extra": "x"}, (400, "invalid_form", None)),
        ({"sdp": "v=0\r\n"}, (400, "invalid_offer", "sdp")),
    ],
)
async def test_what_is_wrong_with_a_form_is_named(
    engines: dict[str, Any], offer: str, parts: dict[str, str], expected: Any
) -> None:
    parts = {name: text.replace("OFFER", offer) for name, text in parts.items()}
    async with http_of(engines) as (http, server), http.post(CALLS, data=form(**parts)) as response:
        assert await refusal(response) == expected
        assert server.sessions == 0


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"", "application/sdp", 400, "invalid_offer"),
        (b"\xff\xfe", "application/sdp", 400, "invalid_offer"),
        (b"{}", "application/json", 415, "invalid_content_type"),
        (b"no form", "multipart/form-data; boundary=x", 400, "invalid_form"),
        (b"no form", "multipart/form-data", 400, "invalid_form"),
    ],
)
async def test_what_is_no_offer_is_refused(
    engines: dict[str, Any], body: bytes, content_type: str, status: int, code: str
) -> None:
    headers = {"Content-Type": content_type}
    async with (
        http_of(engines) as (http, server),
        http.post(CALLS, data=body, headers=headers) as response,
    ):
        assert (await refusal(response))[:2] == (status, code)
        assert server.sessions == 0


async def test_offers_and_settings_have_a_size(engines: dict[str, Any], offer: str) -> None:
    limits = Limits(sdp_bytes=len(offer), body_bytes=100)

    async def pieces() -> AsyncIterator[bytes]:
        """Of a body whose length is not told."""
        for _ in range(100):
            yield bytes(1000)

    async with http_of(engines, limits=limits) as (http, server):
        for body in (offer + " ", pieces()):
            async with http.post(CALLS, data=body, headers=SDP) as response:
                assert (await refusal(response))[:2] == (413, "body_too_large")
        session = json.dumps({"type": "realtime", "instructions": "x" * 100})
        for parts, param in (({"sdp": offer + " "}, "sdp"), ({"session": session}, "session")):
            async with http.post(CALLS, data=form(**parts)) as response:
                assert await refusal(response) == (413, "body_too_large", param)
        async with http.post(CALLS, data=form(sdp="x" * 10_000)) as response:
            assert await refusal(response) == (413, "body_too_large", "body")
        async with http.post(CALLS, data=offer, headers=SDP) as response:
            assert response.status == 201
        assert server.sessions == 1


async def test_who_has_no_token_makes_and_ends_no_calls(
    engines: dict[str, Any], offer: str
) -> None:
    async with http_of(engines, token="right") as (http, _):
        for headers in (SDP, {**SDP, "Authorization": "Bearer wrong"}):
            async with http.post(CALLS, data=offer, headers=headers) as response:
                assert await refusal(response) == (401, "invalid_api_key", None)
            async with http.post(f"{CALLS}/rtc_1/hangup", headers=headers) as response:
                assert response.status == 401
        right = {**SDP, "Authorization": "Bearer right"}
        async with http.post(CALLS, data=offer, headers=right) as response:
            assert response.status == 201


async def test_pages_of_others_make_no_calls_where_no_token_is_asked_for(
    engines: dict[str, Any], offer: str
) -> None:
    # A form needs no leave of the service to be posted from any page.
    headers = {"Origin": "https://example.com"}
    async with (
        http_of(engines) as (http, _),
        http.post(CALLS, data=form(sdp=offer), headers=headers) as response,
    ):
        assert await refusal(response) == (403, "origin_not_allowed", None)


async def test_calls_count_among_the_sessions(engines: dict[str, Any], offer: str) -> None:
    async with http_of(engines, limits=Limits(sessions=1)) as (http, server):
        async with http.post(CALLS, data=offer, headers=SDP) as response:
            assert response.status == 201
        async with http.post(CALLS, data=offer, headers=SDP) as response:
            assert await refusal(response) == (429, "session_limit_reached", None)
        assert server.sessions == 1


async def test_a_service_that_cannot_take_calls_says_what_to_install(
    engines: dict[str, Any], offer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtaudio.server.calls.switchboard.find_spec", lambda _name: None)
    async with (
        http_of(engines) as (http, _),
        http.post(CALLS, data=offer, headers=SDP) as response,
    ):
        assert response.status == 501
        error = (await response.json())["error"]
        assert error["type"] == "server_error"
        assert "rtaudio[webrtc]" in error["message"]


async def test_an_ephemeral_key_makes_a_call_with_its_settings(engines: dict[str, Any]) -> None:
    async with http_of(engines, token="right") as (http, server):
        wanted = {"session": {"type": "realtime", "instructions": "Be brief."}}
        bearer = {"Authorization": "Bearer right"}
        async with http.post("/v1/realtime/client_secrets", json=wanted, headers=bearer) as made:
            key = (await made.json())["value"]
        headers = {"Authorization": f"Bearer {key}"}
        async with in_call(server.calls_url, headers=headers) as (_, created):
            assert created["instructions"] == "Be brief."


async def test_calls_are_in_the_figures(engines: dict[str, Any], tone_voice: Any) -> None:
    async with (
        http_of(engines, voice=tone_voice()) as (http, server),
        in_call(server.calls_url) as (client, _),
    ):
        await client.write("one two")
        await client.until("output_audio_buffer.stopped")
        async with http.get("/metrics") as response:
            figures = dict(line.rsplit(" ", 1) for line in (await response.text()).splitlines())
        assert figures['rtaudio_sessions{transport="webrtc"}'] == "1"
        assert float(figures["rtaudio_audio_sent_seconds_total"]) == pytest.approx(0.2)
        assert float(figures["rtaudio_audio_received_seconds_total"]) > 0.1
        stopped = 'rtaudio_events_sent_total{type="output_audio_buffer.stopped"}'
        assert figures[stopped] == "1"
