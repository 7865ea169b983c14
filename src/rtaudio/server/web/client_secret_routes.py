"""`POST /v1/realtime/client_secrets`, and what came before it in the beta protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from aiohttp import web

from rtaudio.errors import ConfigError
from rtaudio.server.refused import Refused
from rtaudio.server.web.beta import beta_session, todays_settings
from rtaudio.server.web.http_body import read_json

if TYPE_CHECKING:
    from rtaudio.server.client_secrets import ClientSecret
    from rtaudio.server.service import Service

__all__ = ["CLIENT_SECRETS", "ClientSecretRequest", "add_client_secrets"]

CLIENT_SECRETS = "/v1/realtime/client_secrets"
_BETA = {
    "/v1/realtime/sessions": "realtime",
    "/v1/realtime/transcription_sessions": "transcription",
}
_VALID_S = 600


class ExpiresAfter(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """When a key expires.

    Attributes:
        anchor: from when on the seconds count.
        seconds: 10 to 7200.
    """

    anchor: Literal["created_at"] = "created_at"
    seconds: Annotated[int, msgspec.Meta(ge=10, le=7200)] = _VALID_S


class ClientSecretRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What `client_secrets` takes, all of it optional.

    Attributes:
        expires_after: how long sessions may be started with the key; 600 s where it is left out.
        session: settings with which they start.
    """

    expires_after: ExpiresAfter | None = None
    session: dict[str, Any] | None = None


class _BetaRequest(msgspec.Struct, kw_only=True):
    client_secret: ClientSecretRequest | None = None


def add_client_secrets(app: web.Application, service: Service) -> None:
    """Put the making of ephemeral keys behind its paths."""

    async def client_secrets(request: web.Request) -> web.Response:
        service.access.check_token(request.headers)
        body = await read_json(request, ClientSecretRequest, service.limits.body_bytes)
        given = body.get("session")
        if given is None:
            given = {"type": "realtime"}
        secret, session = _make(service, given, body)
        return web.json_response(
            {"value": secret.value, "expires_at": secret.expires_at, "session": session}
        )

    async def sessions(request: web.Request) -> web.Response:
        service.access.check_token(request.headers)
        body = await read_json(request, _BetaRequest, service.limits.body_bytes)
        wanted = body.pop("client_secret", None) or {}
        try:
            given = todays_settings(body)
        except (ConfigError, RecursionError, OverflowError) as error:
            raise Refused(str(error), code="invalid_value") from None
        secret, session = _make(service, given | {"type": _BETA[request.path]}, wanted)
        value = {"value": secret.value, "expires_at": secret.expires_at}
        return web.json_response({**beta_session(session), "client_secret": value})

    app.router.add_post(CLIENT_SECRETS, client_secrets)
    for path in _BETA:
        app.router.add_post(path, sessions)


def _make(
    service: Service, given: dict[str, Any], wanted: dict[str, Any]
) -> tuple[ClientSecret, dict[str, Any]]:
    """Make a key; returns it with the settings that its sessions start with, as they come out."""
    settings = service.config(session=given).settings
    expires_after = wanted.get("expires_after") or {}
    secret = service.secrets.make(given, expires_after.get("seconds", _VALID_S))
    service.metrics.secrets.add(1)
    return secret, {**settings, "expires_at": 0}
