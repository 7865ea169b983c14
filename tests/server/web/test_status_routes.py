"""`/health` and `/metrics` of a service in use."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import aiohttp
from websockets.asyncio.client import connect

from rtaudio.server import Limits

if TYPE_CHECKING:
    from collections.abc import Callable


async def figures(client: aiohttp.ClientSession, **options: Any) -> dict[str, float]:
    async with client.get("/metrics", **options) as response:
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        rows = [line.rsplit(" ", 1) for line in (await response.text()).splitlines()]
        return {name: float(value) for name, value in rows if not name.startswith("#")}


async def test_health_tells_version_sessions_and_whether_the_model_is_loaded(
    http: Callable[..., Any],
) -> None:
    async with http(token="s3cret") as (client, server):
        expected = {"status": "ok", "version": version("rtaudio")}
        async with client.get("/health") as response:
            state = await response.json()
        assert state == expected | {"sessions": 0, "recogniser_loaded": False}
        headers = {"Authorization": "Bearer s3cret"}
        async with connect(server.url, additional_headers=headers) as socket:
            await socket.recv()
            while not state["recogniser_loaded"]:  # loading began with the first client
                async with client.get("/health") as response:
                    state = await response.json()
            assert state == expected | {"sessions": 1, "recogniser_loaded": True}


async def test_metrics_follow_a_session(http: Callable[..., Any]) -> None:
    async with http(limits=Limits(sessions=1)) as (client, server):
        async with connect(server.url) as socket:
            await socket.recv()
            await socket.send('{"type": "input_audio_buffer.clear"}')
            await socket.recv()
            await socket.send('{"type": "made up by a client"}')
            await socket.recv()
            async with connect(server.url) as second:
                refused = json.loads(await second.recv())
                assert refused["error"]["code"] == "session_limit_reached"
            now = await figures(client)
        assert now['rtaudio_sessions{transport="websocket"}'] == 1
        assert now['rtaudio_sessions{transport="webrtc"}'] == 0
        assert now['rtaudio_sessions_total{transport="websocket"}'] == 1
        assert now['rtaudio_sessions_refused_total{code="session_limit_reached"}'] == 1
        assert now['rtaudio_events_received_total{type="input_audio_buffer.clear"}'] == 1
        assert now['rtaudio_events_sent_total{type="session.created"}'] == 1
        assert now['rtaudio_errors_total{code="invalid_value"}'] == 1
        assert not [name for name in now if "made up" in name]


async def test_recognition_is_measured(talk: Callable[..., Any]) -> None:
    async with talk("?intent=transcription") as client:
        await client.send(
            "session.update",
            session={
                "type": "transcription",
                "audio": {"input": {"turn_detection": None, "transcription": {}}},
            },
        )
        await client.receive("session.updated")
        await client.append(1.5, 0)  # 16,000 samples a second, taken for 24,000
        await client.send("input_audio_buffer.commit")
        await client.until("conversation.item.input_audio_transcription.completed")
        host, port = client.socket.remote_address[:2]
        async with aiohttp.ClientSession(f"http://{host}:{port}") as http_client:
            now = await figures(http_client)
    assert now["rtaudio_first_transcript_seconds_count"] == 1
    assert now["rtaudio_audio_received_seconds_total"] == 1.0
    assert now["rtaudio_recogniser_busy_seconds_total"] > 0
    assert now["rtaudio_recogniser_waiting"] == now["rtaudio_recogniser_running"] == 0


async def test_metrics_are_for_who_has_the_token(http: Callable[..., Any]) -> None:
    async with http(token="s3cret") as (client, _):
        async with client.get("/metrics") as response:
            assert response.status == 401
        now = await figures(client, headers={"Authorization": "Bearer s3cret"})
        assert now['rtaudio_http_requests_total{path="/metrics",status="401"}'] == 1


async def test_paths_that_clients_make_up_are_one_row(http: Callable[..., Any]) -> None:
    async with http() as (client, _):
        for path in ("/a", "/b"):
            async with client.get(path):
                pass
        assert (await figures(client))[
            'rtaudio_http_requests_total{path="other",status="404"}'
        ] == 2
