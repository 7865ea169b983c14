"""The HTTP application: one port, and what is behind each path."""

from __future__ import annotations

import logging
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from rtaudio.server.access import token_accepted
from rtaudio.server.beta import BetaLine, asks_for_beta
from rtaudio.server.refused import Refused
from rtaudio.server.websocket_line import open_line

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from rtaudio.server.config import SessionConfig
    from rtaudio.server.service import Service

__all__ = ["PATH", "make_app", "request_log"]

PATH = "/v1/realtime"

_UNAUTHENTICATED = 3000  # the close code that the cloud's service uses

_log = logging.getLogger(__name__)


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
    app = web.Application(middlewares=[_errors])
    routes = _Routes(service)
    for path in (PATH, PATH + "/"):
        app.router.add_get(path, routes.realtime)
    app.cleanup_ctx.append(routes.lifetime)
    app.on_shutdown.append(lambda _: service.close())
    app.on_response_prepare.append(_sign)
    return app


async def _sign(request: web.Request, response: web.StreamResponse) -> None:  # noqa: ARG001
    response.headers[hdrs.SERVER] = "rtaudio"


@web.middleware
async def _errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Write every refusal and failure as the protocol's HTTP body."""
    headers = {}
    try:
        return await handler(request)
    except Refused as error:
        refused = error
    except web.HTTPNotFound:
        refused = Refused(f"There is nothing at {request.path}.", code="not_found", status=404)
    except web.HTTPMethodNotAllowed as error:
        headers[hdrs.ALLOW] = error.headers[hdrs.ALLOW]
        words = f"{request.path} does not take {request.method}."
        refused = Refused(words, code="method_not_allowed", status=error.status)
    except web.HTTPException as error:
        refused = Refused(error.reason, status=error.status)
    except (ConnectionError, TimeoutError):
        raise
    except Exception as error:
        _log.error("a request failed: %s", type(error).__name__)  # its text may hold content
        refused = Refused("The service failed.", status=500)
    return web.json_response(refused.body(), status=refused.status, headers=headers)


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
        if hdrs.ORIGIN in request.headers and service.token is None:
            # A browser names the page's origin. Without a token any page that somebody visits
            # could use the service behind their back, so only other programs may.
            raise Refused("Web pages need a token.", code="origin_not_allowed", status=403)
        async with open_line(request, service.limits.message_bytes) as line:
            with suppress(ConnectionResetError):
                # As in the cloud, a refusal follows the upgrade: an error event, then the close.
                try:
                    config = self._admit(request)
                    await service.serve(
                        BetaLine(line) if asks_for_beta(request.headers) else line, config
                    )
                except Refused as error:
                    await error.tell(line)
        return line.response

    def _admit(self, request: web.Request) -> SessionConfig:
        """Check who asks for which session.

        Raises:
            Refused: it gets none.
        """
        if not token_accepted(request.headers, self._service.token):
            raise Refused(
                "The token is missing or wrong.",
                code="invalid_api_key",
                status=401,
                close_code=_UNAUTHENTICATED,
            )
        intent = request.query.getall("intent", ["conversation"])[-1]
        if intent not in ("conversation", "transcription"):
            raise Refused(
                f"The intent {intent!r} is unknown; leave it out or ask for transcription.",
                code="invalid_value",
                param="intent",
            )
        return self._service.config(
            "transcription" if intent == "transcription" else "realtime",
            request.query.getall("model", [None])[-1],
        )
