"""`/health` and `/metrics`."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from rtaudio.server.metrics import CONTENT_TYPE

if TYPE_CHECKING:
    from rtaudio.server.service import Service

__all__ = ["HEALTH", "METRICS", "add_status"]

HEALTH = "/health"
METRICS = "/metrics"


def add_status(app: web.Application, service: Service) -> None:
    """Put the service's state behind its paths; the figures are for who has the token."""

    async def health(request: web.Request) -> web.Response:  # noqa: ARG001
        state = {
            "status": "ok",
            "version": version("rtaudio"),
            "sessions": service.sessions,
            "recogniser_loaded": service.pool.loaded,
        }
        return web.json_response(state, headers={hdrs.CACHE_CONTROL: "no-store"})

    async def metrics(request: web.Request) -> web.Response:
        service.access.check_token(request.headers)
        headers = {hdrs.CONTENT_TYPE: CONTENT_TYPE, hdrs.CACHE_CONTROL: "no-store"}
        return web.Response(body=service.metrics.text().encode(), headers=headers)

    app.router.add_get(HEALTH, health)
    app.router.add_get(METRICS, metrics)
