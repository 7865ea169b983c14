"""The HTTP application: one port, and what is behind each path."""

from __future__ import annotations

import logging
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from rtaudio.server.calls.call_routes import add_calls
from rtaudio.server.calls.switchboard import Switchboard
from rtaudio.server.console import add_console
from rtaudio.server.refused import Refused
from rtaudio.server.web.beta import BetaLine, asks_for_beta
from rtaudio.server.web.client_secret_routes import add_client_secrets
from rtaudio.server.web.docs_page import add_docs
from rtaudio.server.web.guard import add_guard
from rtaudio.server.web.status_routes import add_status
from rtaudio.server.web.websocket_line import open_line

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rtaudio.server.config import SessionConfig
    from rtaudio.server.line import Line
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


def make_app(service: Service, host: str) -> web.Application:
    """Put a service behind paths. It starts and ends with the application.

    Args:
        service: what is served.
        host: where it will listen, and the sound of calls may arrive.
    """
    app = web.Application()
    switchboard = Switchboard(service, host)
    routes = _Routes(service, switchboard)
    add_guard(app, service)
    for path in (PATH, PATH + "/"):
        app.router.add_get(path, routes.realtime)
    add_calls(app, switchboard, service.limits, routes.admit)
    add_client_secrets(app, service)
    add_status(app, service)
    add_docs(app)
    add_console(app)
    app.cleanup_ctx.append(routes.lifetime)
    app.on_shutdown.append(lambda _: service.close())
    app.on_shutdown.append(lambda _: switchboard.close())
    return app


class _Routes:
    """What is done at each path."""

    def __init__(self, service: Service, switchboard: Switchboard) -> None:
        self._service = service
        self._switchboard = switchboard

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
                    await self._serve(request, line)
                except Refused as error:
                    service.metrics.refused.add(1, error.code or "none")
                    await error.tell(line)
        return line.response

    async def _serve(self, request: web.Request, line: Line) -> None:
        config = self.admit(request)
        if asks_for_beta(request.headers):
            line = BetaLine(line)
        call_id = request.query.getall("call_id", [None])[-1]
        if call_id is None:
            await self._service.serve(line, config)
        else:
            await self._switchboard.attach(call_id, line)

    def admit(self, request: web.Request, session: dict[str, Any] | None = None) -> SessionConfig:
        """Check who asks for which session.

        Args:
            request: what is asked.
            session: settings to begin with, in wire form, over those that come with a key.

        Raises:
            Refused: it gets none.
            InvalidEvent: the settings cannot be.
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
        held = None if secret is None else secret.session
        config = self._service.config(intent, model, session=held or session)
        if held and session:
            config.update(session, may_change_type=True)
        return config
