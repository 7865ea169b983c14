"""Responses of the embedded service as a plain WebSocket client sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rtaudio.server import Limits
from rtaudio.server.engines.base import ToolCall
from rtaudio.server.engines.script import ScriptResponder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

WRITTEN = [
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
    "rate_limits.updated",
]


class Says:
    """A responder that gives these pieces and remembers what it was asked."""

    def __init__(self, *pieces: Any) -> None:
        self.pieces = pieces
        self.asked: list[tuple[Any, Any, Any]] = []

    async def respond(self, items: Any, settings: Any, tools: Any) -> AsyncIterator[Any]:
        self.asked.append((items, settings, tools))
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece


async def test_a_text_turn_has_the_documented_events_in_their_order(talk: Any) -> None:
    async with talk() as client:
        await client.write("Name a prime.", id="question")
        await client.send("response.create", response={"metadata": {"job": "1"}})
        events = await client.until("rate_limits.updated")
        assert events.kinds() == WRITTEN
        created, done = events[0]["response"], events[-2]["response"]
        assert (created["status"], created["output"], created["usage"]) == ("in_progress", [], None)
        assert (done["status"], done["id"]) == ("completed", created["id"])
        assert done["metadata"] == created["metadata"] == {"job": "1"}
        assert done["conversation_id"].startswith("conv_")
        (item,) = done["output"]
        assert item["content"] == [{"type": "output_text", "text": "Name a prime."}]
        assert events.joined("response.output_text.delta") == "Name a prime."
        assert len([e for e in events if e["type"] == "response.output_text.delta"]) == 3
        assert [e["previous_item_id"] for e in events if "previous_item_id" in e] == [
            "question",
            "question",
        ]
        assert (done["usage"]["input_tokens"], done["usage"]["output_tokens"]) == (3, 3)


async def test_without_a_voice_the_service_says_that_it_answers_in_text(talk: Any) -> None:
    async with talk() as client:
        settings = await client.configure(output_modalities=["audio"])
        assert settings["output_modalities"] == ["text"]
        await client.write("hm")
        await client.send("response.create", response={"output_modalities": ["audio"]})
        events = await client.until("rate_limits.updated")
        assert events[0]["response"]["output_modalities"] == ["text"]
        assert events.kinds() == WRITTEN


async def test_a_call_its_output_and_the_answer_to_it(talk: Any) -> None:
    script = ScriptResponder(
        {
            "rules": [
                {
                    "when": ["weather"],
                    "call": "get_weather",
                    "arguments": {"city": "Oslo", "unit": "celsius"},
                    "then": "It is {output}.",
                }
            ]
        }
    )
    async with talk(responder=script) as client:
        await client.configure(tools=[{"type": "function", "name": "get_weather"}])
        await client.write("The weather in Oslo?")
        await client.send("response.create")
        events = await client.until("rate_limits.updated")
        assert events.kinds() == [
            "response.created",
            "response.output_item.added",
            "conversation.item.added",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "conversation.item.done",
            "response.output_item.done",
            "response.done",
            "rate_limits.updated",
        ]
        (call,) = events[-2]["response"]["output"]
        assert (call["name"], call["status"]) == ("get_weather", "completed")
        assert call["arguments"] == '{"city":"Oslo","unit":"celsius"}'
        assert events.joined("response.function_call_arguments.delta") == call["arguments"]
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "4 °C"}
        await client.send("conversation.item.create", item=output)
        await client.send("response.create")
        events = await client.until("rate_limits.updated")
        assert events.joined("response.output_text.delta") == "It is 4 °C."


async def test_text_and_calls_of_one_response_are_items_of_their_own(talk: Any) -> None:
    responder = Says("Let me see.", ToolCall("look", "{}"), "Done.")
    async with talk(responder=responder) as client:
        await client.send("response.create")
        *_, done, _ = await client.until("rate_limits.updated")
        kinds_of_items = [item["type"] for item in done["response"]["output"]]
        assert kinds_of_items == ["message", "function_call", "message"]


async def test_a_cancelled_response_ends_with_what_it_had(talk: Any, gated: Any) -> None:
    async with talk(responder=gated) as client:
        await client.send("response.create")
        *_, delta = await client.until("response.output_text.delta")
        await client.send("response.cancel", response_id=delta["response_id"])
        # The next may be asked for at once.
        await client.send("response.create", response={"conversation": "none"})
        events = await client.until("rate_limits.updated")
        assert events.kinds() == WRITTEN[5:]
        response = events[-2]["response"]
        assert response["status"] == "cancelled"
        assert response["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
        (item,) = response["output"]
        assert item["status"] == "incomplete"
        assert item["content"] == [{"type": "output_text", "text": "one"}]
        assert gated.closed.is_set()
        await client.until("response.created")


@pytest.mark.parametrize("fields", [{}, {"response_id": "resp_unknown"}])
async def test_there_may_be_nothing_to_cancel(talk: Any, fields: dict[str, str]) -> None:
    async with talk() as client:
        await client.send("response.cancel", event_id="c", **fields)
        (error,) = await client.receive("error")
        assert error["error"]["code"] == "response_cancel_not_active"
        assert error["error"]["event_id"] == "c"


async def test_a_second_response_is_refused_and_the_first_goes_on(talk: Any, gated: Any) -> None:
    async with talk(responder=gated) as client:
        await client.send("response.create")
        await client.until("response.output_text.delta")
        await client.send("response.create", event_id="r2")
        (error,) = await client.receive("error")
        assert error["error"]["code"] == "conversation_already_has_active_response"
        assert error["error"]["event_id"] == "r2"
        gated.gate.set()
        *_, done = await client.until("response.done")
        assert done["response"]["status"] == "completed"


async def test_an_out_of_band_response_reads_its_input_and_leaves_no_trace(talk: Any) -> None:
    responder = Says("maths")
    async with talk(responder=responder) as client:
        await client.write("Name a prime.", id="question")
        given = {"type": "message", "role": "user", "content": []}
        payload = {
            "conversation": "none",
            "instructions": "The topic only.",
            "metadata": {"job": "classify"},
            "input": [{"type": "item_reference", "id": "question"}, given],
        }
        await client.send("response.create", response=payload)
        events = await client.until("rate_limits.updated")
        assert events.kinds() == [kind for kind in WRITTEN if not kind.startswith("conversation")]
        response = events[-2]["response"]
        assert response["conversation_id"] is None
        assert response["metadata"] == {"job": "classify"}
        items, settings, _ = responder.asked[0]
        assert items[0].id == "question"
        assert len(items) == 2
        assert settings["instructions"] == "The topic only."
        await client.send("conversation.item.retrieve", item_id=response["output"][0]["id"])
        (error,) = await client.receive("error")
        assert error["error"]["code"] == "item_retrieve_invalid_item_id"


async def test_out_of_band_responses_run_beside_the_conversations_up_to_a_bound(
    talk: Any, gated: Any
) -> None:
    async with talk(responder=gated, limits=Limits(responses=2)) as client:
        await client.send("response.create")
        await client.until("response.output_text.delta")
        await client.send("response.create", response={"conversation": "none"})
        await client.until("response.output_text.delta")
        await client.send("response.create", response={"conversation": "none"})
        (error,) = await client.receive("error")
        assert error["error"]["code"] == "response_limit_reached"
        gated.gate.set()
        for _ in range(2):
            await client.until("response.done")


@pytest.mark.parametrize(
    ("payload", "code", "param"),
    [
        ({"temperature": 1}, "unknown_parameter", "response.temperature"),
        ({"conversation": "other"}, "invalid_value", "response.conversation"),
        ({"max_output_tokens": 0}, "integer_below_min_value", "response.max_output_tokens"),
        ({"metadata": {"k": "v" * 513}}, "string_above_max_length", "response.metadata"),
        (
            {"input": [{"type": "item_reference", "id": "no"}]},
            "invalid_value",
            "response.input[0].id",
        ),
        ({"input": [{"type": "dance"}]}, "invalid_value", "response.input[0].type"),
        ({"input": "hello"}, "invalid_type", "response.input"),
        ({"tools": [{"type": "mcp"}]}, "invalid_value", "response.tools[0].type"),
        ({"tools": [{"type": "function"}]}, "missing_required_parameter", "response.tools[0].name"),
        ({"tool_choice": {"type": "mcp"}}, "invalid_value", "response.tool_choice.type"),
        ({"prompt": {"id": "p"}}, "invalid_value", "response.prompt"),
        (
            {"audio": {"output": {"speed": 1}}},
            "unknown_parameter",
            "response.audio.output.speed",
        ),
        ({"metadata": {"k" * 65: ""}}, "string_above_max_length", "response.metadata"),
        (
            {"input": [{"type": "message", "role": "user"}]},
            "missing_required_parameter",
            "response.input[0].content",
        ),
        (
            {"metadata": {str(n): "" for n in range(17)}},
            "object_above_max_properties",
            "response.metadata",
        ),
    ],
)
async def test_a_request_that_is_wrong_is_refused_with_its_param(
    talk: Any, payload: dict[str, Any], code: str, param: str
) -> None:
    async with talk() as client:
        await client.send("response.create", response=payload)
        (error,) = await client.receive("error")
        assert (error["error"]["code"], error["error"]["param"]) == (code, param)
        assert "'item" not in error["error"]["message"]
        assert "$" not in error["error"]["message"]


async def test_a_responder_that_raises_fails_the_response_and_not_the_session(talk: Any) -> None:
    responder = Says("one", RuntimeError("what was said must not get out"))
    async with talk(responder=responder) as client:
        await client.send("response.create")
        *_, done = await client.until("response.done")
        response = done["response"]
        assert (response["status"], response["output"][0]["status"]) == ("failed", "incomplete")
        assert response["status_details"]["error"]["message"] == "the responder failed"
        await client.send("input_audio_buffer.clear")
        await client.receive("input_audio_buffer.cleared")


async def test_no_answer_is_endless(talk: Any) -> None:
    async with talk(responder=Says(*[" word"] * 5000)) as client:
        await client.send("response.create")
        *_, done = await client.until("response.done")
        assert done["response"]["status"] == "incomplete"
        assert done["response"]["usage"]["output_tokens"] == 4096


async def test_an_answer_ends_at_the_tokens_it_may_have(talk: Any) -> None:
    async with talk() as client:
        await client.write("one two three")
        await client.send("response.create", response={"max_output_tokens": 2})
        events = await client.until("rate_limits.updated")
        response = events[-2]["response"]
        assert response["status"] == "incomplete"
        assert response["status_details"]["reason"] == "max_output_tokens"
        assert events.joined("response.output_text.delta") == "one two"


@pytest.mark.parametrize(
    ("choice", "offered"),
    [("auto", ["a", "b"]), ("none", []), ({"type": "function", "name": "b"}, ["b"])],
)
async def test_tool_choice_decides_what_may_be_called(
    talk: Any, choice: Any, offered: list[str]
) -> None:
    responder = Says("hm")
    tools = [{"type": "function", "name": name} for name in "ab"]
    async with talk(responder=responder) as client:
        await client.configure(tools=tools)
        await client.send("response.create", response={"tool_choice": choice})
        await client.until("response.done")
    assert [tool["name"] for tool in responder.asked[0][2]] == offered


async def test_a_client_that_goes_ends_its_responses(talk: Any, gated: Any) -> None:
    async with talk(responder=gated) as client:
        await client.send("response.create")
        await client.until("response.output_text.delta")
    assert gated.closed.is_set()
