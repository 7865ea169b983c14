"""The HTTP application: one port, and what is behind each path."""

from __future__ import annotations

import logging
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from rtaudio.server.beta import BetaLine, asks_for_beta
from rtaudio.server.client_secret_routes import add_client_secrets
from rtaudio.server.docs_page import add_docs
from rtaudio.server.guard import add_guard
from rtaudio.server.refused import Refused
from rtaudio.server.status_routes import add_status
from rtaudio.server.websocket_line import open_line

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rtaudio.server.config import SessionConfig
    from rtaudio.server.service import Service

__all__ = ["PATH", "make_app", "request_log"]

PATH = "/v1/realtime"


def _harmless(record: logging.LogRecord) -> bool:
    """Let a record through without what it quotes of a request, which may be a key."""
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        record.msg, record.args = "a request failed: %s", (type(error).__name__,)
        record.exc_info = None
    return not isinstance(error, HttpProcessingError)  # the client's own fault


request_log = logging.getLogger("rtaudio.server.http")
request_log.addFilter(_harmless)


def make_app(service: Service) -> web.Application:
    """Put a service behind paths. It starts and ends with the application."""
    app = web.Application()
    routes = _Routes(service)
    add_guard(app, service)
    for path in (PATH, PATH + "/"):
        app.router.add_get(path, routes.realtime)
    add_client_secrets(app, service)
    add_status(app, service)
    add_docs(app)
    app.cleanup_ctx.append(routes.lifetime)
    app.on_shutdown.append(lambda _: service.close())
    return app


class _Routes:
    """What is done at each path."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def lifetime(self, app: web.Application) -> AsyncIterator[None]:  # noqa: ARG002
        await self._service.start()
        yield

    async def realtime(self, request: web.Request) -> web.StreamResponse:
        """Hold a session over a WebSocket."""
        service = self._service
        if request.headers.get(hdrs.UPGRADE, "").lower() != "websocket":
            return web.json_response(
                Refused(f"{PATH} takes WebSockets.", code="upgrade_required").body(),
                status=HTTPStatus.UPGRADE_REQUIRED,
                headers={hdrs.UPGRADE: "websocket", hdrs.CONNECTION: "upgrade"},
            )
        async with open_line(request, service.limits) as line:
            with suppress(ConnectionResetError):
                # As in the cloud, a refusal follows the upgrade: an error event, then the close.
                try:
                    config = self._admit(request)
                    await service.serve(
                        BetaLine(line) if asks_for_beta(request.headers) else line, config
                    )
                except Refused as error:
                    service.metrics.refused.add(1, error.code or "none")
                    await error.tell(line)
        return line.response

    def _admit(self, request: web.Request) -> SessionConfig:
        """Check who asks for which session.

        Raises:
            Refused: it gets none.
        """
        secret = self._service.access.admit(request.headers)
        intent = request.query.getall("intent", ["conversation"])[-1]
        if intent not in ("conversation", "transcription"):
            raise Refused(
                f"The intent {intent!r} is unknown; leave it out or ask for transcription.",
                code="invalid_value",
                param="intent",
            )
        model = request.query.getall("model", [None])[-1]
        session = None if secret is None else secret.session
        return self._service.config(intent, model, session=session)
