"""Answers from any chat endpoint that follows OpenAI's: a model of your choice."""

from __future__ import annotations

import asyncio
import contextlib
import re
from contextlib import aclosing
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import msgspec

from rtaudio.errors import AuthenticationError, ConfigError, TransportError
from rtaudio.server.engines.chat_form import ChatAnswer, chat_request
from rtaudio.server.engines.sse import EventData

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from rtaudio.protocol import Item
    from rtaudio.server.engines.base import AnswerPiece

__all__ = ["ChatResponder", "chat_address"]

_MOST_ANSWER_BYTES = 1024 * 1024  # of an answer that is not streamed
_MOST_ERROR_BYTES = 16 * 1024
_KEEP_ALIVE_S = 60.0  # for which the next turn finds a connection that is open already
_END_S = 0.05  # how long an answer's last bytes may take that say nothing
_CODE = re.compile(r"[a-z0-9_]{1,64}")
_REFUSALS = {
    401: "it demands a key, or refuses this one (RTAUDIO_CHAT_KEY)",
    403: "the key is not allowed to do this",
    404: "there is no such address, or no such model",
    429: "it has no more capacity for this key at the moment",
}


def chat_address(url: str) -> str:
    """Complete the address of a chat endpoint.

    Args:
        url: with or without `/v1` and `/chat/completions`: `http://127.0.0.1:11434` will do.

    Raises:
        ConfigError: it is no http or https URL, or holds a password.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port  # is checked when it is read
    except ValueError as error:
        raise ConfigError(f"the chat endpoint's URL is not valid: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError("the chat endpoint's URL must begin with http:// or https:// and a host")
    if "@" in parts.netloc:
        raise ConfigError("the chat endpoint's URL must not hold a password: use RTAUDIO_CHAT_KEY")
    path = parts.path.rstrip("/")
    if not path.endswith("/chat/completions"):
        path = f"{path or '/v1'}/chat/completions"
    return parts._replace(path=path, fragment="").geturl()


class ChatResponder:
    """A `Responder` that asks a chat endpoint and passes on what it streams.

    Instructions, history, pictures, tools with their calls and outputs, `tool_choice`,
    `parallel_tool_calls` and `max_output_tokens` go with each request. What the user said goes as
    the text of it. Closing the iterator closes the request.

    Enter it with `async with` before it is asked; `RealtimeServer` does so. Redirects are not
    followed, cookies not kept, and the environment's proxies not used.

    Args:
        url: see `chat_address`.
        model: the model to ask for; None leaves it to the endpoint, where that has but one.
        api_key: sent as `Authorization: Bearer`; None sends none.
        connect_timeout_s: for name, connection and TLS.
        idle_timeout_s: for the first sign of an answer, and between two.

    Raises:
        ConfigError: `url` is no address, `api_key` can't be sent, or a time-out is not positive.
    """

    def __init__(
        self,
        url: str,
        *,
        model: str | None = None,
        api_key: str | None = None,
        connect_timeout_s: float = 10.0,
        idle_timeout_s: float = 60.0,
    ) -> None:
        for name, value in (
            ("connect_timeout_s", connect_timeout_s),
            ("idle_timeout_s", idle_timeout_s),
        ):
            if not value > 0:
                raise ConfigError(f"{name} is {value!r}, expected more than 0")
        if api_key is not None and not (api_key.isascii() and api_key.isprintable()):
            raise ConfigError("the chat endpoint's key has characters that no header can carry")
        self._url = chat_address(url)
        self._model = model
        self._headers = {"Accept": "text/event-stream", "Content-Type": "application/json"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"
        self._connect_s = connect_timeout_s
        self._idle_s = idle_timeout_s
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"ChatResponder({urlsplit(self._url)._replace(query='').geturl()!r})"

    async def __aenter__(self) -> Self:
        """Open the connections' pool; nothing is sent yet."""
        self._session = aiohttp.ClientSession(
            # How many requests there are at the same time is bounded by the service's limits.
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(
                total=None,
                connect=self._connect_s,
                sock_connect=self._connect_s,
                sock_read=self._idle_s,
            ),
        )
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close all connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def respond(
        self,
        items: Sequence[Item],
        settings: Mapping[str, Any],
        tools: Sequence[Mapping[str, Any]],
    ) -> AsyncIterator[AnswerPiece]:
        """Yield the answer as it comes, and the calls at its end; see `Responder.respond`.

        Raises:
            AnswerIncomplete: the endpoint ended before the model did.
            TransportError: it can't be reached, refuses, says nothing for `idle_timeout_s`, or what
                it says can't be understood. `code` is the HTTP status where there is one.
            AuthenticationError: it refuses the key.
        """
        body = msgspec.json.encode(chat_request(items, settings, tools, self._model))
        try:
            async with aclosing(self._ask(body)) as pieces:
                async for piece in pieces:
                    yield piece
        except aiohttp.ConnectionTimeoutError:
            raise TransportError(
                f"the chat endpoint did not accept a connection within {self._connect_s:g} s"
            ) from None
        except TimeoutError:
            raise TransportError(f"the chat endpoint said nothing for {self._idle_s:g} s") from None
        except aiohttp.ClientSSLError:
            raise TransportError("the chat endpoint's certificate or TLS was refused") from None
        except aiohttp.ClientConnectorError:
            raise TransportError("the chat endpoint can't be reached") from None
        except (aiohttp.ClientError, OSError):
            raise TransportError("the connection to the chat endpoint broke off") from None

    async def _post(self, body: bytes) -> aiohttp.ClientResponse:
        if self._session is None:
            raise ConfigError("the chat responder is not open; enter it with 'async with'")
        options: dict[str, Any] = {"headers": self._headers, "allow_redirects": False}
        try:
            return await self._session.post(self._url, data=body, **options)
        except aiohttp.ServerDisconnectedError:
            # A connection kept from before can be closed just when it is used again.
            return await self._session.post(self._url, data=body, **options)

    async def _ask(self, body: bytes) -> AsyncGenerator[AnswerPiece, None]:
        response = await self._post(body)
        try:
            if response.status != 200:
                raise await _refusal(response)
            answer = ChatAnswer()
            if response.content_type == "application/json":  # an endpoint that does not stream
                yield answer.take(await _read(response, _MOST_ANSWER_BYTES))
            else:
                async with aclosing(_events(response)) as events:
                    async for data in events:
                        if text := answer.take(data):
                            yield text
                await _let_end(response)
            for call in answer.finish():
                yield call
        finally:
            response.close()  # does nothing where the answer was read to its end


async def _let_end(response: aiohttp.ClientResponse) -> None:
    """Give an answer whose last event came the time to end: only then its connection is kept."""
    with contextlib.suppress(TimeoutError, aiohttp.ClientError):
        async with asyncio.timeout(_END_S):
            await response.content.read(1)


async def _events(response: aiohttp.ClientResponse) -> AsyncGenerator[str, None]:
    events = EventData()
    async for chunk in response.content.iter_any():
        for data in events.feed(chunk):
            if data == "[DONE]":
                return
            yield data


async def _read(response: aiohttp.ClientResponse, most: int) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > most:
            raise TransportError(f"the chat endpoint's answer has more than {most} bytes")
    return bytes(body)


async def _refusal(response: aiohttp.ClientResponse) -> TransportError:
    """Word a refusal without the endpoint's own words, which may quote key or conversation."""
    status = response.status
    reason = _REFUSALS.get(status)
    if reason is None:
        if status >= 500:
            reason = "it failed"
        elif 300 <= status < 400:
            reason = "it sends us elsewhere; give the address that it names"
        else:
            reason = "it refuses the request"
    if code := await _error_code(response):
        reason += f" ({code})"
    kind = AuthenticationError if status in (401, 403) else TransportError
    return kind(f"the chat endpoint answered with status {status}: {reason}", code=str(status))


async def _error_code(response: aiohttp.ClientResponse) -> str | None:
    """Return the error's code, such as `model_not_found`, if the body has one."""
    try:
        body = msgspec.json.decode(await _read(response, _MOST_ERROR_BYTES))
        code = body["error"]["code"]
    except (TransportError, aiohttp.ClientError, OSError, TypeError, KeyError, ValueError):
        return None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else None
