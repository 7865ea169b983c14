"""Conversations in the form of chat endpoints, and their answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rtaudio.errors import TransportError
from rtaudio.protocol import (
    ContentPart,
    FunctionCallItem,
    FunctionCallOutputItem,
    Item,
    MessageItem,
)
from rtaudio.server.engines.base import AnswerIncomplete, ToolCall
from rtaudio.server.engines.chat_form import ChatAnswer, chat_request

WEATHER = {
    "type": "function",
    "name": "weather",
    "description": "Tells it.",
    "parameters": {"type": "object"},
}


def message(role: str, *parts: ContentPart) -> MessageItem:
    return MessageItem(role=role, content=list(parts))


def said(role: str, text: str) -> MessageItem:
    return message(role, ContentPart(type="text", text=text))


def called(call_id: str) -> FunctionCallItem:
    return FunctionCallItem(name="weather", arguments="{}", call_id=call_id)


def returned(call_id: str) -> FunctionCallOutputItem:
    return FunctionCallOutputItem(call_id=call_id, output=f"out {call_id}")


def messages(*items: Item, **settings: Any) -> list[dict[str, Any]]:
    written: list[dict[str, Any]] = chat_request(items, settings, [], None)["messages"]
    return written


def outline(*items: Item) -> list[Any]:
    """Calls as lists of their ids, outputs as ids with their text, messages as their text."""
    found: list[Any] = []
    for written in messages(*items):
        if "tool_calls" in written:
            found.append([each["id"] for each in written["tool_calls"]])
        elif written["role"] == "tool":
            found.append((written["tool_call_id"], written["content"]))
        else:
            found.append(written["content"])
    return found


def test_instructions_and_what_was_said_become_messages() -> None:
    heard = ContentPart(type="input_audio", transcript="and aloud")
    assert messages(
        said("system", "The user is called Ada."),
        message("user", ContentPart(type="input_text", text="in writing"), heard),
        message("assistant", ContentPart(type="output_audio", transcript="I see.")),
        instructions="Be brief.",
    ) == [
        {"role": "system", "content": "Be brief."},
        {"role": "system", "content": "The user is called Ada."},
        {"role": "user", "content": "in writing\nand aloud"},
        {"role": "assistant", "content": "I see."},
    ]


def test_pictures_go_along() -> None:
    picture = ContentPart(type="input_image", image_url="data:image/png;base64,AAAA")
    (written,) = messages(message("user", ContentPart(type="input_text", text="See:"), picture))
    assert written["content"] == [
        {"type": "text", "text": "See:"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]


def test_messages_without_words_and_outputs_without_a_call_are_left_out() -> None:
    silent = message("user", ContentPart(type="input_audio", transcript=""))
    assert messages(silent, message("assistant"), returned("gone")) == []


def test_a_call_and_its_output_are_written_as_chat_endpoints_want_them() -> None:
    assert messages(called("a"), returned("a")) == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "a",
                    "type": "function",
                    "function": {"name": "weather", "arguments": "{}"},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": "out a"},
    ]


def test_outputs_stand_right_behind_their_calls_wherever_they_came() -> None:
    none = "There is no output yet."
    assert outline(called("a"), called("b"), returned("b"), returned("a")) == [
        ["a", "b"],
        ("a", "out a"),
        ("b", "out b"),
    ]
    assert outline(called("a"), said("user", "hm"), returned("a")) == [["a"], ("a", "out a"), "hm"]
    assert outline(called("a"), said("user", "and?")) == [["a"], ("a", none), "and?"]
    assert outline(called("a"), returned("a"), called("b"), returned("b")) == [
        ["a", "b"],
        ("a", "out a"),
        ("b", "out b"),
    ]


@pytest.mark.parametrize(
    ("settings", "written"),
    [
        ({"tool_choice": "auto"}, {"tool_choice": "auto"}),
        ({"tool_choice": "required"}, {"tool_choice": "required"}),
        ({"tool_choice": {"type": "mcp", "server_label": "s"}}, {"tool_choice": "auto"}),
        (
            {"tool_choice": {"type": "function", "name": "weather"}},
            {"tool_choice": {"type": "function", "function": {"name": "weather"}}},
        ),
        (
            {"parallel_tool_calls": False},
            {"tool_choice": "auto", "parallel_tool_calls": False},
        ),
    ],
)
def test_tools_and_their_settings_go_along(
    settings: dict[str, Any], written: dict[str, Any]
) -> None:
    function = {"name": "weather", "description": "Tells it.", "parameters": {"type": "object"}}
    assert chat_request([], settings, [WEATHER], None) == {
        "stream": True,
        "messages": [],
        "tools": [{"type": "function", "function": function}],
        **written,
    }


def test_without_tools_nothing_is_said_about_them() -> None:
    settings = {"tool_choice": "required", "parallel_tool_calls": True, "max_output_tokens": "inf"}
    assert chat_request([], settings, [], "m") == {"stream": True, "model": "m", "messages": []}


def test_a_limit_of_tokens_goes_along() -> None:
    assert chat_request([], {"max_output_tokens": 50}, [], None)["max_tokens"] == 50


def chunk(finish: str | None = None, **delta: Any) -> str:
    return json.dumps({"choices": [{"delta": delta, "finish_reason": finish}]})


def piece(index: int | None, call_id: str | None, **function: Any) -> str:
    return chunk(tool_calls=[{"index": index, "id": call_id, "function": function}])


def test_text_comes_as_its_chunks_do() -> None:
    answer = ChatAnswer()
    chunks = [chunk(role="assistant", content=""), chunk(content="Hel"), chunk(content="lo")]
    assert [answer.take(c) for c in [*chunks, chunk("stop"), '{"choices": []}']] == [
        "", "Hel", "lo", "", "",
    ]  # fmt: skip
    assert answer.finish() == []


def test_calls_are_put_together_from_their_pieces_however_they_interleave() -> None:
    answer = ChatAnswer()
    for data in (
        piece(0, "a", name="weather", arguments=""),
        piece(1, "b", name="time"),
        piece(0, None, arguments='{"city":'),
        piece(1, None, arguments="{}"),
        piece(0, None, arguments='"Rome"}'),
        chunk("tool_calls"),
    ):
        answer.take(data)
    assert answer.finish() == [ToolCall("weather", '{"city":"Rome"}'), ToolCall("time", "{}")]


@pytest.mark.parametrize("index", [0, None])
def test_calls_without_numbers_of_their_own_are_told_apart_by_their_ids(index: int | None) -> None:
    answer = ChatAnswer()
    answer.take(piece(index, "a", name="weather", arguments={"city": "Rome"}))
    answer.take(piece(index, "b", name="weather", arguments=""))
    answer.take(chunk("tool_calls"))
    assert answer.finish() == [ToolCall("weather", '{"city":"Rome"}'), ToolCall("weather", "{}")]


@pytest.mark.parametrize(
    ("finish", "reason"), [("length", "max_output_tokens"), ("content_filter", "content_filter")]
)
def test_an_answer_that_was_cut_gives_no_calls_but_the_reason(finish: str, reason: str) -> None:
    answer = ChatAnswer()
    answer.take(piece(0, "a", name="weather", arguments='{"ci'))
    answer.take(chunk(finish))
    with pytest.raises(AnswerIncomplete, match=reason):
        answer.finish()


def test_an_answer_that_broke_off_is_an_error() -> None:
    answer = ChatAnswer()
    answer.take(chunk(content="Hel"))
    with pytest.raises(TransportError, match="broke off"):
        answer.finish()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("{", "no part of an answer"),
        ("[]", "no part of an answer"),
        ('{"choices": [{"delta": {"content": 7}}]}', "no part of an answer"),
        ('{"error": {"message": "the secret words"}}', "reported an error"),
        (chunk(content="x" * 300_000), "more than 262144 characters"),
        (piece(0, "a", name="f", arguments="x" * 300_000), "more than 262144 characters"),
    ],
)
def test_what_is_no_answer_is_an_error_that_quotes_nothing(data: str, message: str) -> None:
    with pytest.raises(TransportError, match=message) as caught:
        ChatAnswer().take(data)
    assert "secret" not in str(caught.value)


def test_calls_without_end_or_name_are_errors() -> None:
    answer = ChatAnswer()
    for index in range(128):
        answer.take(piece(index, str(index), name="f"))
    with pytest.raises(TransportError, match="more than 128 calls"):
        answer.take(piece(128, "128", name="f"))
    nameless = ChatAnswer()
    nameless.take(piece(0, "a", arguments="{}"))
    nameless.take(chunk("tool_calls"))
    with pytest.raises(TransportError, match="without a name"):
        nameless.finish()
