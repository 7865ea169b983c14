"""HTTP for the few requests that a realtime service wants beside its connections.

They are one or two in a call, so they are made by the standard library, in a thread: certificates
are verified, proxies of the environment are used, and there is nothing more to install. Redirects
are not followed, as the credential would go with them.
"""

from __future__ import annotations

import asyncio
import http.client
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

import msgspec

from rtaudio.errors import AuthenticationError, ConfigError, TransportError
from rtaudio.transports.addresses import is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Reply", "check_http_url", "post", "refusal"]

_MAX_BYTES = 1 << 20  # of an answer; a description of a session is a few thousand
_UNAUTHORISED = frozenset({401, 403})


class Reply(NamedTuple):
    """An answer, whatever its status.

    Attributes:
        status: the HTTP status.
        headers: names in lower case.
        body: its content, at most 1 MiB of it.
    """

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def fine(self) -> bool:
        """Whether the status is one of success."""
        return 200 <= self.status < 300


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


async def post(
    url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float = 30.0
) -> Reply:
    """Send a POST request. One that is cancelled may still reach the service.

    Args:
        url: http or https.
        body: what to send.
        headers: the request's headers.
        timeout_s: seconds without progress after which it fails.

    Raises:
        TransportError: no answer came.
    """
    return await asyncio.to_thread(_post, url, body, dict(headers), timeout_s)


def refusal(what: str, reply: Reply) -> TransportError:
    """The exception for an answer that is none of success.

    Args:
        what: what the service refused, such as "the call".
        reply: its answer.
    """
    try:
        error = msgspec.json.decode(reply.body, type=dict).get("error")
    except msgspec.MsgspecError:
        error = None
    detail = error if isinstance(error, dict) else {}
    code = detail.get("code") if isinstance(detail.get("code"), str) else None
    text = f"the service refused {what} (HTTP {reply.status})"
    if reply.status in _UNAUTHORISED:
        # The service's own message repeats part of the key.
        return AuthenticationError(text, code=code or str(reply.status))
    if isinstance(detail.get("message"), str):
        text = f"{text}: {detail['message']}"
    return TransportError(text, code=code or str(reply.status))


def check_http_url(name: str, url: Any) -> None:
    """Refuse what is no address of a web server.

    Raises:
        ConfigError: naming the option, and of the address no more than scheme and host.
    """
    if not isinstance(url, str):
        raise ConfigError(f"{name} must be a str, got {type(url).__name__}")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            f"{name} begins with http:// or https:// and names a host, got "
            f"{parts.scheme}://{parts.hostname or ''}"
        )


def _post(url: str, body: bytes, headers: dict[str, str], timeout_s: float) -> Reply:
    request = Request(url, data=body, headers=headers, method="POST")
    opener = build_opener(_Stay, *([ProxyHandler({})] if is_loopback(url) else []))
    host = urlsplit(url).hostname
    try:
        try:
            answer = opener.open(request, timeout=timeout_s)
        except HTTPError as error:
            answer = error
        with answer:
            fields = {name.lower(): value for name, value in answer.headers.items()}
            return Reply(answer.status, fields, answer.read(_MAX_BYTES))
    except (URLError, OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        kind = reason.strerror if isinstance(reason, OSError) else None
        raise TransportError(f"no answer from {host}: {kind or type(reason).__name__}") from None
