"""The console: a page in the browser by which people try the service, and the routes to it."""

from rtaudio.server.console.routes import add_console

__all__ = ["add_console"]
