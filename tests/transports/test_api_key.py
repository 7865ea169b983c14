"""Keys: given, fetched, and found in the environment."""

from __future__ import annotations

import asyncio

import pytest

from rtaudio import ConfigError
from rtaudio.transports.api_key import find_api_key, resolve_api_key


async def test_a_key_that_is_no_text_is_refused_without_naming_it() -> None:
    with pytest.raises(ConfigError, match="got bytes") as caught:
        await resolve_api_key(lambda: b"sk-secret")  # type: ignore[arg-type,return-value]
    assert "secret" not in str(caught.value)


async def test_a_key_that_comes_after_its_attempt_was_given_up_is_dropped() -> None:
    asked = asyncio.Event()

    async def stubborn() -> str:
        asked.set()
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            return "sk-late"

    attempt = asyncio.ensure_future(resolve_api_key(stubborn))
    await asked.wait()
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt


async def test_a_key_that_was_given_wins_over_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-environment")
    assert await find_api_key(lambda: "sk-given", is_cloud=True) == "sk-given"
    assert await find_api_key(None, is_cloud=True) == "sk-environment"


async def test_another_service_never_gets_the_key_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-environment")
    assert await find_api_key(None, is_cloud=False) is None


async def test_an_empty_variable_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "")
    with pytest.raises(ConfigError, match="set OPENAI_API_KEY"):
        await find_api_key(None, is_cloud=True)
