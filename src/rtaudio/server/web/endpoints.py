"""The paths of the service, described; a test compares them to its routes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rtaudio.server.web.client_secret_routes import ClientSecretRequest

if TYPE_CHECKING:
    import msgspec

__all__ = ["ENDPOINTS", "Endpoint"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What one method does at one path.

    Attributes:
        method: of HTTP.
        path: with `{name}` where a part varies.
        text: what it does; the first sentence stands for all.
        access: who is let in where the service has a token: everybody, who has the token, or who
            has the token or an ephemeral key.
        query: names of parameters behind the path, and what they do.
        body: content types of the request's body.
        takes: the structure of a JSON body, None where that is not checked by one.
        status: of a response without an error.
        answer: content type of its body, None where it has none.
    """

    method: Literal["GET", "POST"]
    path: str
    text: str
    access: Literal["all", "token", "key"] = "all"
    query: tuple[tuple[str, str], ...] = ()
    body: tuple[str, ...] = ()
    takes: type[msgspec.Struct] | None = None
    status: int = 200
    answer: str | None = "application/json"


ENDPOINTS = (
    Endpoint(
        "GET",
        "/v1/realtime",
        "A session over a WebSocket. Events go both ways, one JSON object in each text message. A "
        "refusal follows the upgrade, as an error event and a close.",
        access="key",
        query=(
            ("model", "is repeated back in conversations; the service has one model"),
            ("intent", "`transcription` for a session that only transcribes"),
            ("call_id", "takes part in the session of this call instead"),
        ),
        status=101,
        answer=None,
    ),
    Endpoint(
        "POST",
        "/v1/realtime/calls",
        "Make a call over WebRTC. The body is the offer, alone or in a form with parts `sdp` and "
        "`session`; the answer is that to the offer, and the last part of `Location` the call's "
        "id. `session.created` comes when the data channel `oai-events` opens.",
        access="key",
        query=(("model", "is repeated back in conversations; the service has one model"),),
        body=("application/sdp", "multipart/form-data"),
        status=201,
        answer="application/sdp",
    ),
    Endpoint(
        "POST",
        "/v1/realtime/calls/{call_id}/hangup",
        "End a call.",
        access="key",
        answer=None,
    ),
    Endpoint(
        "POST",
        "/v1/realtime/client_secrets",
        "Make an ephemeral key. It starts sessions until it expires, with the settings in "
        "`session`. The answer has the key in `value`, its end in `expires_at` (Unix seconds) and "
        "the effective settings in `session`.",
        access="token",
        body=("application/json",),
        takes=ClientSecretRequest,
    ),
    Endpoint(
        "POST",
        "/v1/realtime/sessions",
        "Make an ephemeral key, as the beta protocol did. The body has the settings themselves, "
        "the answer the effective ones, with the key in `client_secret`.",
        access="token",
        body=("application/json",),
    ),
    Endpoint(
        "POST",
        "/v1/realtime/transcription_sessions",
        "The same for sessions that only transcribe.",
        access="token",
        body=("application/json",),
    ),
    Endpoint(
        "GET",
        "/health",
        "Whether the service is up, its version, its sessions, and whether the recogniser's model "
        "is loaded.",
    ),
    Endpoint(
        "GET",
        "/metrics",
        "Figures in Prometheus' text format.",
        access="token",
        answer="text/plain",
    ),
    Endpoint("GET", "/docs", "This description, for people.", answer="text/html"),
    Endpoint("GET", "/openapi.json", "This description, for programs."),
)
