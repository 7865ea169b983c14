"""Answers by rules."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from rtaudio.errors import ConfigError
from rtaudio.protocol import ContentPart, FunctionCallItem, FunctionCallOutputItem, MessageItem
from rtaudio.server.engines.base import ToolCall
from rtaudio.server.engines.script import ScriptResponder

if TYPE_CHECKING:
    from pathlib import Path

RULES: list[dict[str, Any]] = [
    {"when": ["hello", "good morning"], "say": "You said: {heard}"},
    {"when": ["weather in rome"], "call": "weather", "arguments": {"city": "Rome"}},
    {"when": ["weather"], "say": "Oslo.", "call": "weather", "then": "It is {output}!"},
    {"when": ["weather"], "say": "I can't look."},
]
WEATHER = [{"type": "function", "name": "weather"}]


def user(text: str) -> MessageItem:
    return MessageItem(id="u", role="user", content=[ContentPart(type="input_text", text=text)])


async def answer(*items: Any, tools: Any = ()) -> list[Any]:
    script = ScriptResponder({"rules": RULES, "otherwise": "What?"})
    pieces = [piece async for piece in script.respond(items, {}, tools)]
    text = "".join(piece for piece in pieces if isinstance(piece, str))
    calls = [piece for piece in pieces if isinstance(piece, ToolCall)]
    return [text, *calls] if text else calls


@pytest.mark.parametrize("text", ["hello", "Well, HELLO!", "a good  morning to you"])
async def test_a_rule_fits_by_whole_words_whatever_case_and_punctuation(text: str) -> None:
    assert await answer(user(text)) == [f"You said: {text}"]


@pytest.mark.parametrize("text", ["othello", "good evening, morning"])
async def test_parts_of_words_do_not_count(text: str) -> None:
    assert await answer(user(text)) == ["What?"]


async def test_the_first_rule_that_fits_counts() -> None:
    assert await answer(user("the weather in Rome"), tools=WEATHER) == [
        ToolCall("weather", '{"city":"Rome"}')
    ]
    assert await answer(user("the weather"), tools=WEATHER) == ["Oslo.", ToolCall("weather", "{}")]


async def test_a_function_that_is_not_offered_is_not_called() -> None:
    assert await answer(user("the weather")) == ["I can't look."]


@pytest.mark.parametrize(("arguments", "text"), [("{}", "It is sun!"), ('{"city":"Rome"}', "sun")])
async def test_an_output_is_answered_by_the_rule_that_called(arguments: str, text: str) -> None:
    call = FunctionCallItem(id="c", name="weather", arguments=arguments, call_id="call")
    output = FunctionCallOutputItem(id="o", call_id="call", output="sun")
    assert await answer(user("the weather"), call, output) == [text]


async def test_a_script_comes_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    path.write_text(json.dumps({"rules": [], "otherwise": "{heard}, yes."}))
    script = ScriptResponder.from_file(path)
    pieces = [piece async for piece in script.respond([user("so")], {}, [])]
    assert pieces == ["so,", " yes."]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid"),
        ("[]", "not valid"),
        ('{"rules": [{"when": ["a"], "tell": "b"}]}', r"unknown field `tell` - at `\$.rules"),
        ('{"rules": [{"when": ["a"]}]}', "needs 'say', 'call' or both"),
    ],
)
def test_a_wrong_script_is_a_config_error_that_says_where(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "script.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        ScriptResponder.from_file(path)


def test_a_script_that_is_not_there_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read"):
        ScriptResponder.from_file(tmp_path / "no.json")
