"""Items as clients create, see, delete and truncate them."""

from __future__ import annotations

import base64
from typing import Any

import pytest

ADDED = ("conversation.item.added", "conversation.item.done")


def said(text: str, role: str = "user", **fields: Any) -> dict[str, Any]:
    kind = "output_text" if role == "assistant" else "input_text"
    content = [{"type": kind, "text": text}]
    return {"type": "message", "role": role, "content": content, **fields}


async def create(client: Any, item: dict[str, Any], **fields: Any) -> dict[str, Any]:
    await client.send("conversation.item.create", item=item, **fields)
    added, done = await client.receive(*ADDED)
    assert added["item"] == done["item"]
    assert added.get("previous_item_id") == done.get("previous_item_id")
    return added


async def refusal(client: Any, type_: str, **fields: Any) -> tuple[str, str]:
    await client.send(type_, event_id="mine", **fields)
    (event,) = await client.receive("error")
    assert event["error"]["event_id"] == "mine"
    return event["error"]["code"], event["error"]["param"]


async def test_an_item_goes_where_it_is_put(talk: Any) -> None:
    async with talk() as client:
        assert (await create(client, said("b", id="b"))).get("previous_item_id") is None
        assert (await create(client, said("d", id="d")))["previous_item_id"] == "b"
        root = await create(client, said("a", id="a"), previous_item_id="root")
        assert root.get("previous_item_id") is None
        between = await create(client, said("c", id="c"), previous_item_id="b")
        assert between["previous_item_id"] == "b"
        assert (await create(client, said("e"), previous_item_id=None))["previous_item_id"] == "d"
        last = await create(client, said("f"), previous_item_id="")
        assert last["previous_item_id"].startswith("item_")
        assert await refusal(
            client, "conversation.item.create", item=said("g"), previous_item_id="no"
        ) == ("item_create_invalid_item_id", "previous_item_id")


async def test_an_id_that_exists_is_added_once_more_and_names_the_later_one(talk: Any) -> None:
    async with talk() as client:
        await create(client, said("first", id="twin"))
        assert (await create(client, said("second", id="twin")))["previous_item_id"] == "twin"
        for text in ("second", "first"):
            await client.send("conversation.item.retrieve", item_id="twin")
            (event,) = await client.receive("conversation.item.retrieved")
            assert event["item"]["content"][0]["text"] == text
            await client.send("conversation.item.delete", item_id="twin")
            await client.receive("conversation.item.deleted")
        assert (await refusal(client, "conversation.item.delete", item_id="twin"))[0] == (
            "item_delete_invalid_item_id"
        )


CALL = {"type": "function_call", "name": "look", "arguments": "{}", "call_id": "call_1"}
REQUEST = {"type": "mcp_approval_request", "server_label": "s", "name": "n", "arguments": "{}"}


@pytest.mark.parametrize(
    "item",
    [
        said("Be brief.", "system"),
        said("Hello."),
        said("Good morning.", "assistant"),
        CALL,
        {"type": "function_call_output", "call_id": "call_1", "output": "a tree"},
        {"type": "mcp_list_tools", "server_label": "s", "tools": []},
        {"type": "mcp_call", "server_label": "s", "name": "n", "arguments": "{}", "output": "o"},
        REQUEST,
    ],
    ids=lambda item: item.get("role", item["type"]),
)
async def test_history_of_every_kind_is_taken_and_given_back(
    talk: Any, item: dict[str, Any]
) -> None:
    async with talk() as client:
        # What a client says of these two has no effect.
        shown = (await create(client, item | {"object": "o", "status": "incomplete"}))["item"]
        assert shown.pop("id").startswith("item_")
        assert shown.pop("status", "completed") == "completed"
        assert shown == item


async def test_an_approval_answers_a_request_that_is_there(talk: Any) -> None:
    answer = {"type": "mcp_approval_response", "approval_request_id": "r", "approve": True}
    async with talk() as client:
        refused = await refusal(client, "conversation.item.create", item=answer)
        assert refused == ("invalid_value", "item.approval_request_id")
        await create(client, REQUEST | {"id": "r"})
        await create(client, answer)


@pytest.mark.parametrize(
    ("item", "code", "param"),
    [
        ({"type": "dance"}, "invalid_value", "item.type"),
        ({**REQUEST, "type": "mcp_tool_call"}, "invalid_value", "item.type"),
        (said("x", "judge"), "invalid_value", "item.role"),
        (said("x", colour="red"), "unknown_parameter", "item.colour"),
        (
            {"type": "message", "role": "user"},
            "missing_required_parameter",
            "item.content",
        ),
        (
            {"type": "message", "role": "assistant", "content": [{"type": "output_audio"}]},
            "invalid_value",
            "item.content[0].type",
        ),
        (
            {"type": "message", "role": "user", "content": [{"type": "input_text"}]},
            "missing_required_parameter",
            "item.content[0].text",
        ),
        (
            {"type": "message", "role": "user", "content": [{"type": "input_audio"}]},
            "missing_required_parameter",
            "item.content[0].audio",
        ),
        (
            {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_image", "image_url": "data:,", "detail": "all"}],
            },
            "invalid_value",
            "item.content[0].detail",
        ),
        ({"type": "function_call", "name": "f"}, "missing_required_parameter", "item.arguments"),
        (
            {"type": "function_call_output", "output": ""},
            "missing_required_parameter",
            "item.call_id",
        ),
        ({**CALL, "arguments": {}}, "invalid_type", "item.arguments"),
    ],
)
async def test_an_item_that_is_wrong_is_refused_with_its_param(
    talk: Any, item: dict[str, Any], code: str, param: str
) -> None:
    async with talk() as client:
        assert await refusal(client, "conversation.item.create", item=item) == (code, param)


async def test_an_answer_is_truncated_within_what_it_has(talk: Any, tone_voice: Any) -> None:
    async with talk(voice=tone_voice()) as client:
        await client.write("one two three", id="question")
        await client.send("response.create")
        *_, done = await client.until("response.done")
        await client.until("rate_limits.updated")
        (spoken,) = done["response"]["output"]
        for fields, code, param in [
            ({"item_id": "no"}, "item_truncate_invalid_item_id", "item_id"),
            ({"item_id": "question"}, "unsupported_content_type", "item_id"),
            ({"audio_end_ms": 400}, "invalid_value", "audio_end_ms"),
            ({"audio_end_ms": -1}, "integer_below_min_value", "audio_end_ms"),
            ({"content_index": 1}, "invalid_value", "content_index"),
        ]:
            asked = {"item_id": spoken["id"], "content_index": 0, "audio_end_ms": 0} | fields
            assert await refusal(client, "conversation.item.truncate", **asked) == (code, param)
        for end_ms in (200, 0):
            wanted = {"item_id": spoken["id"], "content_index": 0, "audio_end_ms": end_ms}
            await client.send("conversation.item.truncate", **wanted)
            (event,) = await client.receive("conversation.item.truncated")
            assert {name: event[name] for name in wanted} == wanted
            await client.send("conversation.item.retrieve", item_id=spoken["id"])
            (event,) = await client.receive("conversation.item.retrieved")
            (part,) = event["item"]["content"]
            assert part["type"] == "output_audio"
            assert "transcript" not in part
            # Conversion to the client's rate adds the delay of its filter, 3 ms at most.
            has = len(base64.b64decode(part.get("audio", "")))
            assert has == pytest.approx(48 * end_ms, abs=48 * 3)
