"""Making a call: the offer of a peer connection goes to a service, and its answer comes back."""

from __future__ import annotations

import re
import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from rtaudio.errors import AuthenticationError, TransportError
from rtaudio.transports.http import post

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rtaudio.transports.http import Reply

__all__ = ["SdpAnswer", "exchange_sdp"]

_UNAUTHORISED = frozenset({401, 403})
# Characters of a service's own account of what is wrong.
_MAX_REASON = 500


class SdpAnswer(NamedTuple):
    """What a service answers.

    Attributes:
        sdp: its session description.
        call_id: its name for the call; None where it gives none.
    """

    sdp: str
    call_id: str | None


async def exchange_sdp(
    url: str,
    offer: str,
    *,
    key: str | None,
    headers: Mapping[str, str],
    session: Mapping[str, Any] | None,
    timeout_s: float,
) -> SdpAnswer:
    """Post an offer.

    Args:
        url: where to.
        offer: a session description.
        key: the credential; None sends none.
        headers: further headers.
        session: the session's configuration, to be sent beside the offer; None sends the offer
            alone.
        timeout_s: seconds without progress after which it fails.

    Raises:
        AuthenticationError: the service refused the credential.
        TransportError: it refused the call, or cannot be reached.
    """
    sent = {"Content-Type": "application/sdp", **headers}
    if key is not None:
        sent["Authorization"] = f"Bearer {key}"
    body = offer.encode()
    if session is not None:
        sent["Content-Type"], body = _form(offer, session)
    reply = await post(url, body, sent, timeout_s=timeout_s)
    if not reply.fine:
        raise _refusal(reply, key)
    return SdpAnswer(reply.body.decode("utf-8", "replace"), _call_id(reply.headers.get("location")))


def _form(offer: str, session: Mapping[str, Any]) -> tuple[str, bytes]:
    """Content type and body of a form with both parts: RFC 7578."""
    boundary = secrets.token_hex(16)
    parts = {
        "sdp": ("application/sdp", offer.encode()),
        "session": ("application/json", msgspec.json.encode(dict(session))),
    }
    body = b""
    for name, (kind, content) in parts.items():
        body += (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n'
            f"Content-Type: {kind}\r\n\r\n"
        ).encode() + content
        body += b"\r\n"
    return f"multipart/form-data; boundary={boundary}", body + f"--{boundary}--\r\n".encode()


def _call_id(location: str | None) -> str | None:
    """The last segment of the path."""
    return urlsplit(location).path.rstrip("/").rpartition("/")[2] or None if location else None


class _Detail(msgspec.Struct):
    message: str = ""
    code: str | None = None


class _Refusal(msgspec.Struct):
    error: _Detail


def _refusal(reply: Reply, key: str | None) -> TransportError:
    code = str(reply.status)
    try:
        detail = msgspec.json.decode(reply.body, type=_Refusal).error
    except (msgspec.MsgspecError, UnicodeDecodeError):
        detail = _Detail(message=reply.body.decode("utf-8", "replace").strip())
    reason = detail.message or _phrase(reply.status)
    kind = AuthenticationError if reply.status in _UNAUTHORISED else TransportError
    text = _without_key(reason, key)[:_MAX_REASON]
    return kind(f"the service refused the call (HTTP {code}): {text}", code=detail.code or code)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "no reason given"


def _without_key(text: str, key: str | None) -> str:
    """Services repeat keys in what they say of them, whole or with a part made unreadable."""
    if key:
        text = text.replace(key, "[key]")
    return re.sub(r"\b(?:sk|ek)[-_][^\s'\",;]+|[^\s'\",;:]*\*{3,}[^\s'\",;]*", "[key]", text)
