"""Calls at a small real web server on loopback, and control of them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from rtaudio import (
    AuthenticationError,
    ConfigError,
    RealtimeAgent,
    RealtimeSession,
    RealtimeSessionOptions,
    TransportError,
)
from rtaudio.transports import ConnectOptions, ScriptedTransport, SipCalls, SipTransport

AGENT = RealtimeAgent("Clerk", "Answer the telephone.", voice="marin")


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


async def test_calls_are_accepted_rejected_passed_on_and_ended(web: Any) -> None:
    calls = SipCalls("sk-1", base_url=f"{web.base_url}/")
    await calls.accept("rtc_1/2", {"type": "realtime", "model": "m"})
    await calls.reject("rtc_1")
    await calls.reject("rtc_1", 486)
    await calls.refer("rtc_1", "tel:+491234")
    await calls.hangup("rtc_1")
    lines = [line for line, _, _ in web.requests]
    assert lines == [
        f"POST /v1/realtime/calls/{place} HTTP/1.1"
        for place in (
            "rtc_1%2F2/accept",
            "rtc_1/reject",
            "rtc_1/reject",
            "rtc_1/refer",
            "rtc_1/hangup",
        )
    ]
    bodies = [json.loads(body) if body else None for _, _, body in web.requests]
    assert bodies == [
        {"type": "realtime", "model": "m"},
        {"status_code": 603},
        {"status_code": 486},
        {"target_uri": "tel:+491234"},
        None,
    ]
    assert {headers["authorization"] for _, headers, _ in web.requests} == {"Bearer sk-1"}
    assert web.requests[0][1]["content-type"] == "application/json"


async def test_refusals_carry_the_services_code_and_never_the_key(web: Any) -> None:
    calls = SipCalls(lambda: "sk-secret", base_url=web.base_url)
    web.refuse("404 Not Found", code="call_id_not_found", message="The call is over.")
    with pytest.raises(TransportError, match=r"hangup the call \(HTTP 404\): The call is") as lost:
        await calls.hangup("rtc_1")
    assert lost.value.code == "call_id_not_found"
    web.refuse("401 Unauthorized", message="Incorrect key sk-sec***")
    with pytest.raises(AuthenticationError, match=r"\(HTTP 401\)$") as refused:
        await calls.hangup("rtc_1")
    assert refused.value.code == "401"
    web.answer = b"HTTP/1.1 500 Oops\r\nContent-Length: 3\r\n\r\n<p>"
    with pytest.raises(TransportError, match=r"\(HTTP 500\)$"):
        await calls.hangup("rtc_1")
    assert "secret" not in repr(calls)


async def test_no_key_is_needed_but_for_the_cloud(web: Any) -> None:
    await SipCalls(base_url=web.base_url).hangup("rtc_1")
    assert "authorization" not in web.requests[0][1]
    with pytest.raises(ConfigError, match="needs an API key"):
        await SipCalls().hangup("rtc_1")


async def test_wrong_arguments_are_refused_before_anything_is_sent(web: Any) -> None:
    calls = SipCalls(base_url=web.base_url)
    for asking, message in (
        (calls.accept("rtc_1", None), "config must be a mapping"),  # type: ignore[arg-type]
        (calls.reject("rtc_1", 200), "300 to 699, got 200"),
        (calls.refer("rtc_1", "+491234"), "tel: or sip:"),
        (calls.hangup(""), "call_id"),
    ):
        with pytest.raises(ConfigError, match=message):
            await asking
    assert web.requests == []
    with pytest.raises(ConfigError, match=r"http:// or https://.*, got ws://h"):
        SipCalls(base_url="ws://h/secret")
    with pytest.raises(ConfigError, match="timeout_s"):
        SipCalls(timeout_s=0)


async def test_a_session_attaches_to_a_call_with_what_it_was_accepted_with() -> None:
    received: list[Any] = []
    arrived = asyncio.Event()

    async def handle(socket: ServerConnection) -> None:
        received.append(json.loads(await socket.recv()))
        arrived.set()
        await socket.wait_closed()

    async with serve(handle, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        transport = SipTransport()
        session = RealtimeSession(AGENT, transport=transport)
        await session.connect(url=f"ws://127.0.0.1:{port}/?call_id=rtc_1", call_id="rtc_1")
        await arrived.wait()
        with pytest.raises(ConfigError, match="carries no sound"):
            await session.send_audio(b"\0\0")
        await session.close()
    config = await SipTransport.build_initial_config(AGENT)
    assert received == [{"type": "session.update", "session": config}]
    assert config["audio"]["output"] == {"speed": 1, "voice": "marin"}
    assert "format" not in config["audio"]["input"]
    assert (transport.medium, transport.muted) == ("none", None)


async def test_without_a_call_there_is_nothing_to_attach_to() -> None:
    transport = SipTransport()
    with pytest.raises(ConfigError, match="call_id"):
        await transport.open(ConnectOptions(), None)
    with pytest.raises(ConfigError, match="carries no sound"):
        await transport.send_audio(b"\0\0")
    assert repr(transport) == "SipTransport(status='disconnected')"


async def test_formats_that_are_given_count_for_calls_too() -> None:
    options = RealtimeSessionOptions(config={"audio": {"input": {"format": "g711_ulaw"}}})
    config = await SipTransport.build_initial_config(AGENT, options, {"speed": 2})
    assert config["audio"]["input"]["format"] == {"type": "audio/pcmu"}
    assert config["audio"]["output"]["speed"] == 2
    assert "format" not in config["audio"]["output"]


async def test_any_session_that_attaches_to_a_call_leaves_its_formats_alone() -> None:
    transport = ScriptedTransport()
    session = RealtimeSession(AGENT, transport=transport)
    await session.connect(call_id="rtc_1")
    await session.update_agent(RealtimeAgent("b"))
    await session.close()
    updates = [call.event["session"] for call in transport.calls if call.method == "send_event"]
    assert len(updates) == 2
    for update in updates:
        assert "format" not in update["audio"]["input"]
        assert "format" not in update["audio"]["output"]
    await session.connect()
    await session.close()
    assert transport.calls[-2].event["session"]["audio"]["output"]["format"]


@pytest.mark.parametrize(
    "detection",
    [
        {"type": "server_vad", "threshold": 0.5, "silence_duration_ms": 1},
        {"type": "server_vad", "threshold": 0.5, "silenceDurationMs": 1},
    ],
)
async def test_voice_detection_that_calls_do_not_have_is_refused_by_name(detection: Any) -> None:
    options = RealtimeSessionOptions(config={"audio": {"input": {"turn_detection": detection}}})
    with pytest.raises(ConfigError, match="without threshold, silence_duration_ms:"):
        await SipTransport.build_initial_config(AGENT, options)
    fine = {"turn_detection": {"type": "server_vad", "create_response": False}}
    config = await SipTransport.build_initial_config(AGENT, None, {"audio": {"input": fine}})
    assert config["audio"]["input"]["turn_detection"] == fine["turn_detection"]
