"""A session over a scripted transport, and the events a service would send."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from rtaudio import RealtimeAgent, RealtimeSession
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
