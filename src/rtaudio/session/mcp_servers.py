"""MCP servers that the application is connected to: their tools become functions of an agent.

The service knows nothing of them; it sees functions, and calls come to us. An object with the two
methods of `McpServer` will do; `ClientSession` of the `mcp` package is one.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from rtaudio.errors import ToolError, ToolTimeout
from rtaudio.session.tools import FunctionTool

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CALL_TIMEOUT_S", "LIST_TIMEOUT_S", "AttachedTool", "McpServer", "list_attached_tools"]

LIST_TIMEOUT_S = 10.0
CALL_TIMEOUT_S = 60.0

# Lists come in pages; a server that always has one more is broken.
_MAX_PAGES = 100

_NO_ARGUMENTS = {"type": "object", "properties": {}}


class McpServer(Protocol):
    """What `RealtimeAgent.mcp_servers` holds: the client's end of an open connection.

    An object may also have a `name`, by which errors call it.
    """

    async def list_tools(self) -> Any:
        """Return the tools, or an object with them as `tools`.

        Each has `name`, `description` and `inputSchema` (or `input_schema`). Where there is a
        `nextCursor` (or `next_cursor`), further pages are asked for by it.
        """

    async def call_tool(self, name: str, arguments: dict[str, Any]) -> Any:
        """Call a tool; return an object with `content` (parts) and `isError` (or `is_error`)."""


class AttachedTool(FunctionTool):
    """A tool of an MCP server, as a function that the model may call.

    Attributes:
        server_name: the server, by the name it has or was given here.
    """

    def __init__(self, server: McpServer, server_name: str, listed: Any) -> None:
        name, schema = listed.name, _field(listed, "inputSchema", "input_schema")

        async def call(**arguments: Any) -> Any:
            try:
                async with asyncio.timeout(CALL_TIMEOUT_S) as limit:
                    return _result(await server.call_tool(name, arguments))
            except TimeoutError as error:
                if not limit.expired():
                    raise
                raise _too_late(
                    server_name, f"answer a call of {name!r}", CALL_TIMEOUT_S
                ) from error

        super().__init__(
            call,
            name=name,
            description=listed.description or "",
            parameters=_NO_ARGUMENTS if schema is None else schema,
        )
        self.server_name = server_name
        self.kind = f"tool of MCP server {server_name!r}"


async def list_attached_tools(servers: Iterable[McpServer]) -> list[AttachedTool]:
    """Ask all servers at once for their tools.

    Raises:
        ToolError: a server raised, listed something else, or took longer than `LIST_TIMEOUT_S`.
        ConfigError: a tool has a name without letters or digits.
    """
    asked = [_tools_of(server, _name(server, at)) for at, server in enumerate(servers, 1)]
    # All are waited for, so that none is left behind where one fails.
    found = await asyncio.gather(*asked, return_exceptions=True)
    tools: list[AttachedTool] = []
    for each in found:
        if isinstance(each, BaseException):
            raise each
        tools += each
    return tools


def _name(server: McpServer, position: int) -> str:
    name = getattr(server, "name", None)
    return name if isinstance(name, str) and name else f"{type(server).__name__} {position}"


async def _tools_of(server: McpServer, server_name: str) -> list[AttachedTool]:
    try:
        async with asyncio.timeout(LIST_TIMEOUT_S) as limit:
            listed = await _all_pages(server, server_name)
    except Exception as error:
        if isinstance(error, TimeoutError) and limit.expired():
            raise _too_late(server_name, "list its tools", LIST_TIMEOUT_S) from error
        # Not its words: they may hold addresses and keys.
        what = type(error).__name__
        raise ToolError(f"MCP server {server_name!r} did not list its tools: {what}") from error
    for tool in listed:
        schema = _field(tool, "inputSchema", "input_schema")
        if not isinstance(getattr(tool, "name", None), str) or not (
            schema is None or isinstance(schema, Mapping)
        ):
            raise ToolError(
                f"MCP server {server_name!r} listed something that is no tool: it needs a name, a "
                "str, and an inputSchema, a mapping"
            )
    return [AttachedTool(server, server_name, tool) for tool in listed]


async def _all_pages(server: McpServer, server_name: str) -> list[Any]:
    page = await server.list_tools()
    tools = list(getattr(page, "tools", page))
    for _ in range(_MAX_PAGES):
        cursor = _field(page, "nextCursor", "next_cursor")
        if cursor is None:
            return tools
        page = await server.list_tools(**_asking_for(server, cursor))
        tools += page.tools
    raise ToolError(f"MCP server {server_name!r} lists tools without end")


def _asking_for(server: McpServer, cursor: str) -> dict[str, Any]:
    """Arguments of `list_tools` for another page: releases of the `mcp` package differ."""
    if "cursor" in inspect.signature(server.list_tools).parameters:
        return {"cursor": cursor}
    from mcp.types import PaginatedRequestParams

    return {"params": PaginatedRequestParams(cursor=cursor)}


def _too_late(server_name: str, what: str, limit_s: float) -> ToolTimeout:
    return ToolTimeout(f"MCP server {server_name!r} did not {what} within {limit_s:g} s")


def _result(result: Any) -> Any:
    """What the model reads of a call's result."""
    content = getattr(result, "content", None)
    if content is None:
        return result
    words: Any = "\n".join(map(_words, content))
    if not words:
        words = _field(result, "structuredContent", "structured_content")
    if _field(result, "isError", "is_error"):
        return f"The tool failed. Say so, or try again with other arguments. Error: {words}"
    return words


def _words(part: Any) -> str:
    """A part of a result as text; what is none is only named."""
    text = getattr(part, "text", None) or getattr(getattr(part, "resource", None), "text", None)
    if isinstance(text, str):
        return text
    facts = [getattr(part, "type", "part"), _field(part, "mimeType", "mime_type")]
    facts.append(getattr(part, "uri", None))
    return f"[{' '.join(str(fact) for fact in facts if fact)}]"


def _field(value: Any, *names: str) -> Any:
    """An attribute under one of its names: releases of the `mcp` package differ in spelling."""
    return next((found for n in names if (found := getattr(value, n, None)) is not None), None)
