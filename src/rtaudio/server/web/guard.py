"""What stands before every route: which pages and hosts, CORS, and how refusals are written."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from rtaudio.protocol import InvalidEvent
from rtaudio.server.refused import Refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    from rtaudio.server.service import Service

    Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

__all__ = ["add_guard"]

_PREFLIGHT_S = 600  # how long a browser may remember what it was allowed

_log = logging.getLogger(__name__)


def add_guard(app: web.Application, service: Service) -> None:
    """Check every request before its route, and sign every response."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            origin = service.access.check_page(request.headers)
        except Refused as error:
            response: web.StreamResponse = _refusal(error)
        else:
            if origin is not None and request.method == hdrs.METH_OPTIONS:
                response = _preflight(request)
            else:
                response = await _answer(request, handler)
            if origin is not None and not response.prepared:
                response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
                response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = hdrs.LOCATION
                response.headers[hdrs.VARY] = hdrs.ORIGIN
        resource = request.match_info.route.resource
        path = "other" if resource is None else resource.canonical
        service.metrics.http_requests.add(1, path, str(response.status))
        return response

    app.middlewares.append(guard)
    app.on_response_prepare.append(_sign)


async def _sign(request: web.Request, response: web.StreamResponse) -> None:  # noqa: ARG001
    response.headers[hdrs.SERVER] = "rtaudio"
    response.headers["X-Content-Type-Options"] = "nosniff"


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Call the route, and write every refusal and failure as the protocol's HTTP body."""
    try:
        return await handler(request)
    except Refused as error:
        return _refusal(error)
    except InvalidEvent as error:
        return _refusal(Refused(str(error), code=error.code, param=error.param))
    except web.HTTPNotFound:
        words = f"There is nothing at {request.path}."
        return _refusal(Refused(words, code="not_found", status=404))
    except web.HTTPMethodNotAllowed as error:
        words = f"{request.path} does not take {request.method}."
        response = _refusal(Refused(words, code="method_not_allowed", status=error.status))
        response.headers[hdrs.ALLOW] = error.headers[hdrs.ALLOW]
        return response
    except web.HTTPException as error:
        return _refusal(Refused(error.reason, status=error.status))
    except ConnectionError:
        raise
    except Exception as error:
        _log.error("a request failed: %s", type(error).__name__)  # its text may hold content
        return _refusal(Refused("The service failed.", status=500))


def _refusal(refused: Refused) -> web.Response:
    response = web.json_response(refused.body(), status=refused.status)
    if refused.status == web.HTTPUnauthorized.status_code:
        response.headers[hdrs.WWW_AUTHENTICATE] = "Bearer"
    return response


def _preflight(request: web.Request) -> web.Response:
    """Answer a browser's question whether a page that is let in may send its request."""
    asked = request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS, "")
    return web.Response(
        status=204,
        headers={
            hdrs.ACCESS_CONTROL_ALLOW_METHODS: "GET, POST",
            hdrs.ACCESS_CONTROL_ALLOW_HEADERS: asked,
            hdrs.ACCESS_CONTROL_MAX_AGE: str(_PREFLIGHT_S),
        },
    )
