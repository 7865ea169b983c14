"""The credential of a service: given, fetched when it is needed, or found in the environment."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from rtaudio.errors import ConfigError

__all__ = ["ApiKey", "find_api_key", "resolve_api_key"]

#: A credential, or something that fetches one when a connection is made.
ApiKey: TypeAlias = str | Callable[[], str | Awaitable[str]]


async def resolve_api_key(key: ApiKey | None) -> str | None:
    """Turn an API key option into the key, calling and awaiting it where needed.

    Raises:
        ConfigError: it is neither a text nor something that returns one. The value is not named.
    """
    value: Any = key
    if callable(value):
        value = value()
        if inspect.isawaitable(value):
            value = await value
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                # The attempt was given up, but the look-up went on: its key comes too late.
                raise asyncio.CancelledError
    if value is not None and not isinstance(value, str):
        raise ConfigError(f"api_key must be or return a str, got {type(value).__name__}")
    return value


async def find_api_key(key: ApiKey | None, *, is_cloud: bool) -> str | None:
    """Find the key to connect with; that of the environment is for the cloud service alone.

    Raises:
        ConfigError: as `resolve_api_key`, or the cloud service is to be reached and there is none.
    """
    found = await resolve_api_key(key)
    if found is None and is_cloud:
        found = os.environ.get("OPENAI_API_KEY") or None
        if found is None:
            raise ConfigError(
                "the cloud service needs an API key: give api_key, set OPENAI_API_KEY, or give "
                "the url of a service that needs none"
            )
    return found
