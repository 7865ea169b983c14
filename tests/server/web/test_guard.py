"""What every request goes through before its route."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from rtaudio.server.web.status_routes import HEALTH

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

PAGE = "https://example.org"
SECRETS = "/v1/realtime/client_secrets"
ALLOWED = "Access-Control-Allow-Origin"


async def test_pages_of_other_origins_are_refused_everywhere(http: Callable[..., Any]) -> None:
    async with http() as (client, _):
        for path in (HEALTH, "/v1/realtime", SECRETS, "/nowhere"):
            async with client.get(path, headers={"Origin": PAGE}) as response:
                assert response.status == 403
                assert (await response.json())["error"]["code"] == "origin_not_allowed"
                assert ALLOWED not in response.headers


async def test_preflights_of_other_origins_are_refused(http: Callable[..., Any]) -> None:
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    async with http() as (client, _), client.options(SECRETS, headers=asked) as response:
        assert response.status == 403
        assert ALLOWED not in response.headers


async def test_a_page_on_the_list_may_ask_and_read(http: Callable[..., Any]) -> None:
    asked = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    async with http(allow_origins=[PAGE]) as (client, _):
        async with client.options(SECRETS, headers=asked) as response:
            assert response.status == 204
            assert response.headers[ALLOWED] == PAGE
            assert "POST" in response.headers["Access-Control-Allow-Methods"]
            allowed = response.headers["Access-Control-Allow-Headers"]
            assert allowed == "authorization,content-type"
        async with client.post(SECRETS, headers={"Origin": PAGE}) as response:
            assert response.status == 200
            assert response.headers[ALLOWED] == PAGE
            assert response.headers["Access-Control-Expose-Headers"] == "Location"
            assert "Access-Control-Allow-Credentials" not in response.headers


async def test_a_page_on_the_list_may_read_refusals_too(http: Callable[..., Any]) -> None:
    headers = {"Origin": PAGE}
    async with (
        http(allow_origins=[PAGE], token="s3cret") as (client, _),
        client.post(SECRETS, headers=headers) as response,
    ):
        assert (response.status, response.headers[ALLOWED]) == (401, PAGE)


async def test_other_programs_get_no_cors_headers(http: Callable[..., Any]) -> None:
    async with http(allow_origins=[PAGE]) as (client, _), client.get(HEALTH) as response:
        assert response.status == 200
        assert ALLOWED not in response.headers
        assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_foreign_host_is_refused_without_a_token(http: Callable[..., Any]) -> None:
    headers = {"Host": "evil.example"}
    async with http() as (client, _), client.get(HEALTH, headers=headers) as response:
        assert response.status == 403
        assert (await response.json())["error"]["code"] == "host_not_allowed"
    async with (
        http(token="s3cret") as (client, _),
        client.get(HEALTH, headers=headers) as response,
    ):
        assert response.status == 200


async def test_a_fault_of_the_services_is_told_without_its_text(
    http: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with http() as (client, server):

        def fail() -> str:
            raise RuntimeError("what was said")

        monkeypatch.setattr(server._service.metrics, "text", fail)
        async with client.get("/metrics") as response:
            assert response.status == 500
            error = (await response.json())["error"]
        assert (error["type"], error["message"]) == ("server_error", "The service failed.")
        assert [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR] == [
            "a request failed: RuntimeError"
        ]
