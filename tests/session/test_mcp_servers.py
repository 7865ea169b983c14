"""MCP servers that the application is connected to, and their tools as functions."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from rtaudio import ConfigError, RealtimeAgent, ToolError, function_tool
from rtaudio.session import mcp_servers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SCHEMA = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}


def listed(name: str, **fields: Any) -> Any:
    return SimpleNamespace(**{"name": name, "description": None, "inputSchema": SCHEMA, **fields})


def text(words: str) -> Any:
    return SimpleNamespace(type="text", text=words)


class Server:
    """Lists these tools, and remembers how they were called."""

    def __init__(self, *tools: Any, result: Any = None) -> None:
        self.tools = list(tools)
        self.result = result or SimpleNamespace(content=[text("done")], isError=False)
        self.calls: list[Any] = []

    async def list_tools(self) -> Any:
        return SimpleNamespace(tools=self.tools)

    async def call_tool(self, name: str, arguments: dict[str, Any]) -> Any:
        self.calls.append((name, arguments))
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


class Named(Server):
    name = "files"


class Silent(Named):
    """Never answers."""

    async def list_tools(self) -> Any:
        await asyncio.Event().wait()

    async def call_tool(self, *_: Any) -> Any:
        await asyncio.Event().wait()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp_servers, "LIST_TIMEOUT_S", 0.01)
    monkeypatch.setattr(mcp_servers, "CALL_TIMEOUT_S", 0.01)


async def output_of(talk_with: Any, server: Any, name: str, arguments: Any) -> Any:
    """The text that the model gets for a call, after a request for a response."""
    async with talk_with(mcp_servers=[server]) as talk:
        answered = asyncio.Event()
        for kind in ("agent_tool_end", "error"):
            talk.session.on(kind, lambda _: answered.set())
        talk.response("created")
        talk.call(name, arguments)
        await answered.wait()
        talk.response("done")
        await talk.settle()
        assert talk.kinds() == ["agent_tool_start", "agent_tool_end"]
        (_, output), create = talk.sent()
        assert create == "create"
        return output


async def test_tools_of_a_server_are_offered_as_functions(talk_with):
    server = Server(listed("read-file", description="Read a file."), listed("now", inputSchema={}))
    async with talk_with(mcp_servers=[server]) as talk:
        assert talk.transport.calls[1].event["session"]["tools"] == [
            {
                "type": "function",
                "name": "read_file",
                "description": "Read a file.",
                "parameters": SCHEMA,
            },
            {"type": "function", "name": "now", "parameters": {}},
        ]


async def test_the_other_spelling_and_a_plain_list_are_understood(talk_with):
    class Plain(Server):
        async def list_tools(self) -> Any:
            tool = SimpleNamespace(name="a", description="d", input_schema=SCHEMA)
            return [tool, listed("b", inputSchema=None)]

    async with talk_with(mcp_servers=[Plain()]) as talk:
        tools = talk.transport.calls[1].event["session"]["tools"]
        assert [tool["parameters"] for tool in tools] == [
            SCHEMA,
            {"type": "object", "properties": {}},
        ]


async def test_a_call_reaches_the_server_under_its_own_name_for_the_tool(talk_with):
    server = Server(listed("read-file"))
    assert await output_of(talk_with, server, "read_file", {"x": 1, "self": 2}) == "done"
    assert server.calls == [("read-file", {"x": 1, "self": 2})]


@pytest.mark.parametrize("arguments", ["[]", "1"])
async def test_arguments_that_are_no_object_do_not_reach_the_server(arguments, talk_with):
    server = Server(listed("f"))
    assert "arguments" in await output_of(talk_with, server, "f", arguments)
    assert server.calls == []


@pytest.mark.parametrize(
    ("fields", "output"),
    [
        ({"content": [text("a"), text("b")]}, "a\nb"),
        ({"content": [], "structuredContent": {"n": 1}}, '{"n":1}'),
        ({"content": [], "structured_content": [1]}, "[1]"),
        ({"content": []}, "null"),
        (
            {"content": [SimpleNamespace(type="image", data="AAAA", mimeType="image/png")]},
            "[image image/png]",
        ),
        (
            {"content": [SimpleNamespace(type="resource", resource=text("inside"))]},
            "inside",
        ),
        (
            {"content": [SimpleNamespace(type="resource_link", uri="file:///a", mime_type=None)]},
            "[resource_link file:///a]",
        ),
        (
            {"content": [text("no such file")], "isError": True},
            "The tool failed. Say so, or try again with other arguments. Error: no such file",
        ),
        (
            {"content": [text("no such file")], "is_error": True},
            "The tool failed. Say so, or try again with other arguments. Error: no such file",
        ),
    ],
)
async def test_a_result_is_worded_for_the_model(fields, output, talk_with):
    server = Server(listed("f"), result=SimpleNamespace(**fields))
    assert await output_of(talk_with, server, "f", {}) == output


async def test_a_server_that_raises_is_a_failure_of_the_tool(talk_with):
    server = Server(listed("f"), result=ConnectionError("pipe closed"))
    assert (await output_of(talk_with, server, "f", {})).endswith("Error: pipe closed")


@pytest.mark.usefixtures("impatient")
async def test_a_server_that_does_not_answer_a_call_is_named_to_the_model(talk_with):
    class Busy(Silent):
        list_tools = Server.list_tools  # type: ignore[assignment]

    output = await output_of(talk_with, Busy(listed("f")), "f", {})
    assert output.endswith("MCP server 'files' did not answer a call of 'f' within 0.01 s")


async def test_a_time_out_of_the_servers_own_is_a_failure_like_others(talk_with):
    server = Server(listed("f"), result=TimeoutError("upstream"))
    assert (await output_of(talk_with, server, "f", {})).endswith("Error: upstream")


class TestPreparing:
    @pytest.mark.usefixtures("impatient")
    async def test_a_server_that_does_not_list_its_tools_in_time_is_named(self, talk_with):
        talk = talk_with(mcp_servers=[Server(listed("f")), Silent()])
        with pytest.raises(
            ToolError, match=r"MCP server 'files' did not list its tools within 0.01 s"
        ):
            await talk.session.connect()
        assert talk.transport.calls == ()

    @pytest.mark.parametrize("error", [ConnectionError("secret"), TimeoutError("secret")])
    async def test_one_that_raises_is_named_without_its_words(self, error, talk_with):
        class Broken(Server):
            async def list_tools(self) -> Any:
                raise error

        talk = talk_with(mcp_servers=[Broken()])
        with pytest.raises(ToolError, match="MCP server 'Broken 1' did not list") as caught:
            await talk.session.connect()
        assert "secret" not in str(caught.value)
        assert caught.value.__cause__ is error
        assert talk.transport.calls == ()

    @pytest.mark.parametrize(
        "tool", [SimpleNamespace(), listed("f", inputSchema="x"), listed(""), listed(None)]
    )
    async def test_what_is_no_tool_is_refused(self, tool, talk_with):
        talk = talk_with(mcp_servers=[Named(tool)])
        with pytest.raises((ToolError, ConfigError)):
            await talk.session.connect()

    async def test_all_servers_are_asked_at_once(self, talk_with):
        asked: list[Any] = []
        both = asyncio.Event()

        class Patient(Server):
            async def list_tools(self) -> Any:
                asked.append(self)
                if len(asked) == 2:
                    both.set()
                await both.wait()
                return await super().list_tools()

        async with talk_with(mcp_servers=[Patient(listed("a")), Patient(listed("b"))]) as talk:
            tools = talk.transport.calls[1].event["session"]["tools"]
            assert [tool["name"] for tool in tools] == ["a", "b"]

    async def test_names_that_clash_are_listed_with_their_sources(self, talk_with):
        @function_tool
        async def look() -> str:
            return ""

        servers = [Named(listed("look"), listed("a-b")), Server(listed("a_b"))]
        talk = talk_with(look, mcp_servers=servers)
        with pytest.raises(ConfigError) as caught:
            await talk.session.connect()
        message = str(caught.value)
        assert message.index("a_b") < message.index("look")
        assert "tool of MCP server 'files'" in message
        assert "tool of MCP server 'Server 2'" in message
        assert talk.transport.calls == ()

    async def test_tools_are_listed_anew_at_each_connect(self, talk_with):
        server = Server(listed("a"))
        talk = talk_with(mcp_servers=[server])
        for names in (["a"], ["a", "b"]):
            async with talk:
                update = [c.event for c in talk.transport.calls if c.method == "send_event"][-1]
                assert [tool["name"] for tool in update["session"]["tools"]] == names
            server.tools.append(listed("b"))

    async def test_an_agent_whose_server_fails_does_not_take_over(self, talk_with, monkeypatch):
        async with talk_with() as talk:
            monkeypatch.setattr(mcp_servers, "LIST_TIMEOUT_S", 0.01)
            known = len(talk.transport.calls)
            with pytest.raises(ToolError):
                await talk.session.update_agent(RealtimeAgent("b", mcp_servers=[Silent()]))
            assert talk.session.current_agent is talk.agent
            assert len(talk.transport.calls) == known

    async def test_all_pages_of_a_list_are_read(self, talk_with):
        class Paged(Server):
            async def list_tools(self, cursor: str | None = None) -> Any:
                at = int(cursor or 0)
                following = str(at + 1) if at + 1 < len(self.tools) else None
                return SimpleNamespace(tools=[self.tools[at]], nextCursor=following)

        server = Paged(listed("a"), listed("b"), listed("c"))
        async with talk_with(mcp_servers=[server]) as talk:
            tools = talk.transport.calls[1].event["session"]["tools"]
            assert [tool["name"] for tool in tools] == ["a", "b", "c"]

    async def test_a_list_without_end_is_refused(self, talk_with):
        class Endless(Named):
            async def list_tools(self, cursor: str | None = None) -> Any:
                return SimpleNamespace(tools=[], next_cursor=f"{cursor}+")

        with pytest.raises(ToolError, match="MCP server 'files'") as caught:
            await talk_with(mcp_servers=[Endless()]).session.connect()
        assert "without end" in f"{caught.value} {caught.value.__cause__}"

    def test_an_object_without_the_methods_is_refused(self):
        with pytest.raises(ConfigError, match="object has no list_tools"):
            RealtimeAgent("a", mcp_servers=[object()])  # type: ignore[list-item]


@asynccontextmanager
async def real_session() -> AsyncIterator[Any]:
    """A `ClientSession` of the `mcp` package, connected in memory to a server of that package."""
    pytest.importorskip("mcp", reason="pip install mcp: this tests its ClientSession as a server")
    from mcp import ClientSession
    from mcp.shared.memory import create_client_server_memory_streams

    try:
        from mcp.server.mcpserver import MCPServer
    except ImportError:  # before release 2
        from mcp.server.fastmcp import FastMCP as MCPServer

    server = MCPServer("calculator")

    @server.tool(name="add-up", description="Add numbers.")
    def add_up(a: int, b: int) -> str:
        return str(a + b)

    @server.tool()
    def divide(a: int, b: int) -> str:
        return str(a / b)

    inner = server._lowlevel_server if hasattr(server, "_lowlevel_server") else server._mcp_server
    async with create_client_server_memory_streams() as (ours, theirs):
        serving = asyncio.ensure_future(inner.run(*theirs, inner.create_initialization_options()))
        try:
            async with ClientSession(*ours) as session:
                await session.initialize()
                yield session
        finally:
            serving.cancel()
            await asyncio.wait([serving])


class TestRealPackage:
    async def test_a_client_session_fits_as_it_is(self, talk_with):
        async with real_session() as server:
            output = await output_of(talk_with, server, "add_up", {"a": 2, "b": 3})
            assert output == "5"
            output = await output_of(talk_with, server, "divide", {"a": 1, "b": 0})
            assert output.startswith("The tool failed.")
            assert "Error executing tool divide" in output

    async def test_its_tools_come_with_description_and_schema(self, talk_with):
        async with real_session() as server, talk_with(mcp_servers=[server]) as talk:
            tool, _ = talk.transport.calls[1].event["session"]["tools"]
            assert (tool["name"], tool["description"]) == ("add_up", "Add numbers.")
            assert tool["parameters"]["required"] == ["a", "b"]

    async def test_its_pages_are_asked_for_in_its_own_way(self, talk_with):
        async with real_session() as server:
            first, second = (await server.list_tools()).tools
            asked: list[Any] = []

            class Paged:
                """The session as seen through a server that lists one tool at a time."""

                async def list_tools(self, *, params: Any = None) -> Any:
                    asked.append(params)
                    page = [first] if params is None else [second]
                    return SimpleNamespace(tools=page, nextCursor="2" if params is None else None)

                async def call_tool(self, name: str, arguments: dict[str, Any]) -> Any:
                    return await server.call_tool(name, arguments)

            async with talk_with(mcp_servers=[Paged()]) as talk:
                assert len(talk.transport.calls[1].event["session"]["tools"]) == 2
            assert asked[0] is None
            assert asked[1].cursor == "2"
