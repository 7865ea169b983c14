"""Conversation items."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rtaudio.errors import ProtocolError
from rtaudio.protocol import (
    ConversationItemAdded,
    ConversationItemCreate,
    FunctionCallItem,
    FunctionCallOutputItem,
    InvalidEvent,
    Item,
    McpApprovalRequestItem,
    McpApprovalResponseItem,
    McpCallItem,
    McpListToolsItem,
    McpToolCallItem,
    MessageItem,
    ResponseDone,
    UnknownItem,
    decode_client_event,
    decode_server_event,
    encode_event,
)

ITEMS: list[tuple[type, dict[str, Any]]] = [
    (
        MessageItem,
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "hello"},
                {"type": "input_audio", "audio": "AAAA", "transcript": "hi"},
                {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "low"},
            ],
        },
    ),
    (
        MessageItem,
        {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "x"}]},
    ),
    (
        MessageItem,
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "x"}],
            "phase": "commentary",
        },
    ),
    (
        FunctionCallItem,
        {"type": "function_call", "name": "f", "arguments": "{not json", "call_id": "c"},
    ),
    (FunctionCallOutputItem, {"type": "function_call_output", "call_id": "c", "output": "7"}),
    (McpListToolsItem, {"type": "mcp_list_tools", "server_label": "s", "tools": [{"name": "t"}]}),
    (
        McpCallItem,
        {
            "type": "mcp_call",
            "server_label": "s",
            "name": "n",
            "arguments": "{}",
            "approval_request_id": "a",
            "error": {"type": "http_error", "code": 500, "message": "m"},
        },
    ),
    (
        McpToolCallItem,
        {"type": "mcp_tool_call", "server_label": "s", "name": "n", "arguments": "", "output": ""},
    ),
    (
        McpApprovalRequestItem,
        {"type": "mcp_approval_request", "server_label": "s", "name": "n", "arguments": "{}"},
    ),
    (
        McpApprovalResponseItem,
        {"type": "mcp_approval_response", "approval_request_id": "a", "approve": False},
    ),
]


def read(item: Any) -> Item:
    event = decode_server_event(json.dumps({"type": "conversation.item.added", "item": item}))
    assert isinstance(event, ConversationItemAdded)
    return event.item


@pytest.mark.parametrize(("kind", "item"), ITEMS)
def test_every_kind_of_item_reads_and_writes_as_it_was(kind: type, item: dict[str, Any]) -> None:
    full = {**item, "id": "item_1", "object": "realtime.item", "status": "completed"}
    for given in (item, full):
        got = read(given)
        assert type(got) is kind
        assert got.type == given["type"]
        event = ConversationItemAdded(item=got)
        assert json.loads(encode_event(event))["item"] == given
        message = json.dumps({"type": "conversation.item.create", "item": given})
        assert json.loads(encode_event(decode_client_event(message)))["item"] == given


def test_what_a_service_may_leave_out_or_null_is_tolerated() -> None:
    message = read({"type": "message", "role": "user", "content": None, "id": None})
    assert message == MessageItem(role="user", content=[])
    call = read({"type": "function_call", "name": "f", "arguments": None, "call_id": None})
    assert call == FunctionCallItem(name="f", arguments="")
    hosted = read({"type": "mcp_call", "server_label": "s", "name": "n", "output": None})
    assert hosted == McpCallItem(server_label="s", name="n", arguments="")


@pytest.mark.parametrize("kind", [{}, {"type": None}, {"type": 1}, {"type": [1]}, {"type": {}}])
def test_an_item_without_a_readable_type_is_an_unknown_item(kind: dict[str, Any]) -> None:
    assert read({"id": "i", **kind}) == UnknownItem(raw={"id": "i", **kind}, id="i")
    message = json.dumps({"type": "response.done", "response": {"output": [kind]}})
    event = decode_server_event(message)
    assert isinstance(event, ResponseDone)
    assert event.response.output == [UnknownItem(raw=kind)]


@pytest.mark.parametrize(
    "item",
    [
        None,
        7,
        [],
        {"type": "message"},
        {"type": "message", "role": "user", "content": 1},
        {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": "A"}]},
        {"type": "function_call"},
        {"type": "mcp_approval_response", "approval_request_id": "a", "approve": "yes"},
    ],
)
def test_a_known_item_that_cannot_be_read_is_a_protocol_error(item: Any) -> None:
    with pytest.raises(ProtocolError) as caught:
        read(item)
    assert caught.value.raw["item"] == item  # type: ignore[attr-defined]


def test_an_unknown_item_is_written_as_the_object_it_was_read_from() -> None:
    raw = {"type": "hologram", "id": "h", "light": None}
    item = read(raw)
    assert isinstance(item, UnknownItem)
    for event in (ConversationItemAdded(item=item), ConversationItemCreate(item=item)):
        assert json.loads(encode_event(event))["item"] == raw


CREATE = b'{"type": "conversation.item.create", "event_id": "mine", "item": {%s}}'


@pytest.mark.parametrize(
    ("item", "code", "param"),
    [
        (b'"role": "user"', "missing_required_parameter", "item.type"),
        (b'"type": "hologram"', "invalid_value", "item.type"),
        (
            b'"type": "message", "role": "user", "content": [{"type": "input_text", "text": 1}]',
            "invalid_type",
            "item.content[0].text",
        ),
    ],
)
def test_a_mistake_inside_an_item_is_named_by_its_path(item: bytes, code: str, param: str) -> None:
    with pytest.raises(InvalidEvent) as caught:
        decode_client_event(CREATE % item)
    assert (caught.value.code, caught.value.param) == (code, param)
    assert caught.value.event_id == "mine"


@pytest.mark.parametrize("value", [b"1e999", b'"\xff"', b"[" * 5000 + b"]" * 5000])
def test_what_is_no_json_is_refused_even_in_a_field_no_one_reads(value: bytes) -> None:
    message = CREATE % (b'"type": "message", "role": "user", "content": [], "x": ' + value)
    with pytest.raises(InvalidEvent) as caught:
        decode_client_event(message)
    assert caught.value.code == "invalid_json"
