"""Making ephemeral keys over HTTP, and starting sessions with them."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from rtaudio.server import Limits

if TYPE_CHECKING:
    from collections.abc import Callable

PATH = "/v1/realtime/client_secrets"
RIGHT = {"Authorization": "Bearer s3cret"}
SESSION = {
    "type": "realtime",
    "model": "mine",
    "instructions": "Be brief.",
    "audio": {"input": {"turn_detection": None, "format": {"type": "audio/pcmu"}}},
}


async def begin(url: str, **options: Any) -> dict[str, Any]:
    """Connect, and return the first event."""
    async with connect(url, **options) as socket:
        event: dict[str, Any] = json.loads(await socket.recv())
        if event["type"] == "error":
            with pytest.raises(ConnectionClosed) as closed:
                await socket.recv()
            assert closed.value.rcvd is not None
            event["close_code"] = closed.value.rcvd.code
        return event


async def test_a_session_starts_with_the_settings_of_its_key(http: Callable[..., Any]) -> None:
    async with http(token="s3cret") as (client, server):
        async with client.post(PATH, json={"session": SESSION}, headers=RIGHT) as response:
            assert response.status == 200
            made = await response.json()
        assert made["value"].startswith("ek_")
        assert 590 < made["expires_at"] - time.time() < 610
        assert made["session"]["instructions"] == "Be brief."
        assert made["session"]["id"].startswith("sess_")
        assert made["session"]["object"] == "realtime.session"
        assert made["session"]["expires_at"] == 0
        offered: Any = ["realtime", f"openai-insecure-api-key.{made['value']}"]
        for options in (
            {"subprotocols": offered},
            {"additional_headers": {"Authorization": f"Bearer {made['value']}"}},
        ):
            created = await begin(server.url, **options)
            assert created["type"] == "session.created"
            session = created["session"]
            assert (session["model"], session["instructions"]) == ("mine", "Be brief.")
            assert session["audio"]["input"]["turn_detection"] is None
            assert session["audio"]["input"]["format"]["type"] == "audio/pcmu"
            assert session["id"] != made["session"]["id"]


async def test_a_body_is_not_needed(http: Callable[..., Any]) -> None:
    async with http() as (client, server), client.post(PATH) as response:
        made = await response.json()
        assert made["session"]["type"] == "realtime"
        headers = {"Authorization": f"Bearer {made['value']}"}
        created = await begin(server.url + "?model=asked", additional_headers=headers)
        assert created["session"]["model"] == "asked"


async def test_a_key_for_transcription_makes_a_transcription_session(
    http: Callable[..., Any],
) -> None:
    session = {"type": "transcription", "audio": {"input": {"transcription": {"language": "en"}}}}
    async with http() as (client, server), client.post(PATH, json={"session": session}) as response:
        made = await response.json()
        headers = {"Authorization": f"Bearer {made['value']}"}
        created = await begin(server.url, additional_headers=headers)
        assert created["session"]["type"] == "transcription"
        assert created["session"]["audio"]["input"]["transcription"]["language"] == "en"


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"expires_after": {"seconds": 9}}, "integer_below_min_value", "expires_after.seconds"),
        ({"expires_after": {"seconds": 7201}}, "integer_above_max_value", "expires_after.seconds"),
        ({"expires_after": {"anchor": "now"}}, "invalid_value", "expires_after.anchor"),
        ({"expire": 1}, "unknown_parameter", "expire"),
        ({"session": {}}, "missing_required_parameter", "session.type"),
        (
            {"session": {"type": "realtime", "instruct": ""}},
            "unknown_parameter",
            "session.instruct",
        ),
        ({"session": 3}, "invalid_type", "session"),
        ([], "invalid_type", None),
    ],
)
async def test_a_mistake_is_named(
    http: Callable[..., Any], body: Any, code: str, param: str | None
) -> None:
    async with http() as (client, _), client.post(PATH, json=body) as response:
        error = (await response.json())["error"]
        assert (response.status, error["code"], error["param"]) == (400, code, param)
        assert error["type"] == "invalid_request_error"
        assert param is None or f"'{param}'" in error["message"]


async def test_what_is_no_json_is_refused(http: Callable[..., Any]) -> None:
    async with http() as (client, _), client.post(PATH, data=b'{"session"') as response:
        assert (response.status, (await response.json())["error"]["code"]) == (400, "invalid_json")


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_has_a_bound(http: Callable[..., Any], chunked: bool) -> None:
    async def pieces() -> Any:
        yield b'{"session":'
        yield b" " * 2000

    async with http(limits=Limits(body_bytes=1000)) as (client, _):
        data: Any = pieces() if chunked else b" " * 2000
        async with client.post(PATH, data=data) as response:
            assert response.status == 413
            assert (await response.json())["error"]["code"] == "body_too_large"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
async def test_only_the_token_makes_keys(http: Callable[..., Any], headers: dict[str, str]) -> None:
    async with http(token="s3cret") as (client, _):
        async with client.post(PATH, headers=headers) as response:
            assert response.status == 401
            assert response.headers["WWW-Authenticate"] == "Bearer"
            assert (await response.json())["error"]["code"] == "invalid_api_key"
        async with client.post(PATH, headers=RIGHT) as response:
            key = (await response.json())["value"]
        async with client.post(PATH, headers={"Authorization": f"Bearer {key}"}) as response:
            assert response.status == 401


async def test_an_unknown_key_is_refused_after_the_upgrade(http: Callable[..., Any]) -> None:
    async with http() as (_, server):
        refused = await begin(server.url, additional_headers={"Authorization": "Bearer ek_x"})
        assert refused["error"]["code"] == "invalid_api_key"
        assert refused["close_code"] == 3000


async def test_one_key_too_many_is_refused(http: Callable[..., Any]) -> None:
    async with http(limits=Limits(client_secrets=1)) as (client, _):
        async with client.post(PATH) as response:
            assert response.status == 200
        async with client.post(PATH) as response:
            assert response.status == 429


async def test_the_betas_ways_are_still_open(http: Callable[..., Any]) -> None:
    beta = {
        "model": "mine",
        "modalities": ["text"],
        "instructions": "Be brief.",
        "temperature": 0.8,
        "input_audio_format": "g711_ulaw",
        "turn_detection": None,
    }
    async with http() as (client, server):
        async with client.post("/v1/realtime/sessions", json=beta) as response:
            made = await response.json()
        assert made["instructions"] == "Be brief."
        assert made["input_audio_format"] == "g711_ulaw"
        assert made["client_secret"]["expires_at"] > time.time()
        headers = {"Authorization": f"Bearer {made['client_secret']['value']}"}
        created = await begin(server.url, additional_headers=headers)
        assert created["session"]["output_modalities"] == ["text"]
        assert created["session"]["audio"]["input"]["format"]["type"] == "audio/pcmu"
        wanted = {"input_audio_transcription": {"language": "en"}}
        async with client.post("/v1/realtime/transcription_sessions", json=wanted) as response:
            made = await response.json()
        assert made["object"] == "realtime.transcription_session"
        assert made["input_audio_transcription"]["language"] == "en"
        async with client.post(
            "/v1/realtime/sessions", json={"input_audio_format": "?"}
        ) as response:
            assert (await response.json())["error"]["code"] == "invalid_value"
