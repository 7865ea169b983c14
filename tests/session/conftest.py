"""A session over a scripted transport, and the events a service would send."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from rtaudio import FunctionTool, RealtimeAgent, RealtimeSession, function_tool
from rtaudio.transports import ScriptedTransport

if TYPE_CHECKING:
    from collections.abc import Callable


class Service:
    """What the service says, as mappings."""

    @staticmethod
    def created(**session: Any) -> dict[str, Any]:
        return {"type": "session.created", "event_id": "e", "session": {**session}}

    @staticmethod
    def updated(**session: Any) -> dict[str, Any]:
        return {"type": "session.updated", "event_id": "e", "session": {**session}}

    @staticmethod
    def response(kind: str, response_id: str = "r1", **fields: Any) -> dict[str, Any]:
        body = {"id": response_id, "status": "completed", "output": [], **fields}
        return {"type": f"response.{kind}", "event_id": "e", "response": body}

    @staticmethod
    def audio(pcm: bytes, item_id: str = "a", response_id: str = "r1") -> dict[str, Any]:
        return {
            "type": "response.output_audio.delta",
            "event_id": "e",
            "response_id": response_id,
            "item_id": item_id,
            "output_index": 0,
            "content_index": 0,
            "delta": base64.b64encode(pcm).decode(),
        }

    @staticmethod
    def audio_done(item_id: str = "a", response_id: str = "r1") -> dict[str, Any]:
        return {
            "type": "response.output_audio.done",
            "event_id": "e",
            "response_id": response_id,
            "item_id": item_id,
            "output_index": 0,
            "content_index": 0,
        }

    @staticmethod
    def item(item_id: str, text: str = "hello", role: str = "user") -> dict[str, Any]:
        kind = "output_text" if role == "assistant" else "input_text"
        content = [{"type": kind, "text": text}]
        item = {"id": item_id, "type": "message", "role": role, "content": content}
        return {"type": "conversation.item.done", "event_id": "e", "item": item}

    @staticmethod
    def error(**fields: Any) -> dict[str, Any]:
        body = {"type": "invalid_request_error", "message": "no", **fields}
        return {"type": "error", "event_id": "e", "error": body}


class Talk:
    """A connected session with one agent, and what it sends and tells."""

    def __init__(self, *tools: Any, options: dict[str, Any] | None = None, **agent: Any) -> None:
        self.transport = ScriptedTransport()
        self.agent = RealtimeAgent("a", tools=tools, **agent)
        self.session = RealtimeSession(self.agent, transport=self.transport, **(options or {}))
        self.events: list[Any] = []
        for kind in ("agent_tool_start", "agent_tool_end", "tool_approval_requested", "error"):
            self.session.on(kind, self.events.append)

    async def __aenter__(self) -> Talk:
        await self.session.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()

    def response(self, kind: str, response_id: str = "r1") -> None:
        body = {"id": response_id, "status": "completed", "output": []}
        self.transport.emit({"type": f"response.{kind}", "event_id": "e", "response": body})

    def call(
        self,
        name: str,
        arguments: Any = None,
        call_id: str = "c1",
        response_id: str = "r1",
        kind: str = "done",
        status: str = "completed",
        item_id: str | None = None,
    ) -> None:
        item = {
            "id": f"i_{call_id}" if item_id is None else item_id,
            "type": "function_call",
            "status": status,
            "name": name,
            "call_id": call_id,
            "arguments": arguments if isinstance(arguments, str) else json.dumps(arguments or {}),
        }
        self.transport.emit(
            {
                "type": f"response.output_item.{kind}",
                "event_id": "e",
                "response_id": response_id,
                "output_index": 0,
                "item": item,
            }
        )

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    def sent(self) -> list[Any]:
        """Outputs as (call id, text) and "create" for each response that was asked for."""
        found: list[Any] = []
        for call in self.transport.calls:
            event = call.event if call.method == "send_event" else {}
            item = event.get("item", {})
            if item.get("type") == "function_call_output":
                found.append((item["call_id"], item["output"]))
            elif event.get("type") == "response.create":
                found.append("create")
        return found

    def kinds(self) -> list[str]:
        return [event.type for event in self.events]


@pytest.fixture
def talk_with() -> type[Talk]:
    """Makes a session whose agent has these tools."""
    return Talk


@pytest.fixture
def make_tool() -> Callable[..., FunctionTool]:
    """Makes a tool without arguments that runs in the loop, not in a thread."""

    def make(name: str, run: Callable[[], Any], **settings: Any) -> FunctionTool:
        async def body() -> Any:
            return run()

        return function_tool(name=name, **settings)(body)

    return make


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def transport() -> ScriptedTransport:
    return ScriptedTransport()


@pytest.fixture
def make_session(transport: ScriptedTransport) -> Callable[..., RealtimeSession]:
    def make(**options: Any) -> RealtimeSession:
        return RealtimeSession(RealtimeAgent("a", "be brief"), transport=transport, **options)

    return make


@pytest.fixture
def session(make_session: Callable[..., RealtimeSession]) -> RealtimeSession:
    return make_session()
