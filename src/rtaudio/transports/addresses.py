"""Where a connection goes, what it presents there, and what can be told from an address."""

from __future__ import annotations

import ipaddress
from base64 import b64encode
from importlib.metadata import version
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qs, quote, unquote, urlsplit, urlunsplit

from websockets.proxy import get_proxy
from websockets.uri import parse_uri

from rtaudio.errors import ConfigError

if TYPE_CHECKING:
    from rtaudio.transports.base import ConnectOptions

__all__ = [
    "CLOUD_URL",
    "DEFAULT_MODEL",
    "check_url",
    "default_headers",
    "environment_proxy",
    "host_of",
    "is_loopback",
    "target_url",
    "without_query",
    "without_user",
]

DEFAULT_MODEL = "gpt-realtime-2.1"
CLOUD_URL = "wss://api.openai.com/v1/realtime"

_VERSION = version("rtaudio")


def target_url(options: ConnectOptions, default: str | None) -> tuple[str, bool]:
    """The URL to open, and whether it is the cloud service's own.

    Raises:
        ConfigError: it is no WebSocket's.
    """
    given = options.url
    if given is None and options.call_id is not None:
        return f"{CLOUD_URL}?call_id={quote(options.call_id, safe='')}", True
    if given is None:
        given = default
    if given is None:
        if options.intent is not None:
            return f"{CLOUD_URL}?intent={options.intent}", True
        return f"{CLOUD_URL}?model={quote(options.model or DEFAULT_MODEL, safe='')}", True
    check_url(given)
    if options.intent is not None:
        given = _with_intent(given, options.intent)
    return given, False


def check_url(url: str) -> None:
    """Refuse what no WebSocket can be opened to.

    Raises:
        ConfigError: it is something else.
    """
    if not isinstance(url, str):
        raise ConfigError(f"url must be a str, got {type(url).__name__}")
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise ConfigError(
            f"the url of a realtime service begins with ws:// or wss:// and names a host, got {parts.scheme}://"
            f"{parts.hostname or ''}"
        )


def host_of(url: str) -> str:
    """Host and port, as may be told to anybody."""
    return urlsplit(url).netloc.rpartition("@")[2]


def without_query(url: str) -> str:
    """The URL without what may be a credential in it."""
    return urlsplit(url)._replace(netloc=host_of(url), query="", fragment="").geturl()


def without_user(url: str) -> tuple[str, str | None]:
    """The URL without user and password, and the value of `Authorization` that these make."""
    parts = urlsplit(url)
    user = parts.netloc.rpartition("@")[0]
    if not user:
        return url, None
    presented = b64encode(unquote(user).encode()).decode("ascii")
    return parts._replace(netloc=host_of(url)).geturl(), f"Basic {presented}"


def default_headers(key: str | None) -> dict[str, str]:
    """What a request says of itself, where the application does not say it all."""
    headers = {"User-Agent": f"rtaudio/{_VERSION}", "X-RtAudio-SDK": f"rtaudio.{_VERSION}"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    return headers


def environment_proxy(url: str) -> str | None:
    """The proxy that the environment names for this URL; none reaches this machine's own."""
    return None if is_loopback(url) else get_proxy(parse_uri(url))


def _with_intent(url: str, intent: Literal["transcription"]) -> str:
    """A service decides from the URL which kind of session it opens, where the URL does not say."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    if query.keys() & {"intent", "model", "call_id"}:
        return url
    return urlunsplit(
        parts._replace(query="&".join(filter(None, [parts.query, f"intent={intent}"])))
    )


def is_loopback(url: str) -> bool:
    """Whether a URL stays on this machine; no proxy could reach that."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
