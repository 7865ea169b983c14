"""Answers by rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rtaudio.errors import ConfigError
from rtaudio.protocol import ContentPart, FunctionCallItem, FunctionCallOutputItem, MessageItem
from rtaudio.server.engines.base import ToolCall
from rtaudio.server.engines.script import ScriptResponder

RULES: list[dict[str, Any]] = [
    {"when": ["hello", "good morning"], "say": "You said: {heard}"},
    {"when": ["weather in rome"], "call": "weather", "arguments": {"city": "Rome"}},
    {"when": ["weather"], "say": "Oslo.", "call": "weather", "then": "It is {output}!"},
    {"when": ["weather"], "say": "I can't look."},
]
WEATHER = [{"type": "function", "name": "weather"}]


def user(text: str) -> MessageItem:
    return MessageItem(id="u", role="user", content=[ContentPart(type="input_text", text=text)])


def assistant(text: str) -> MessageItem:
    return MessageItem(role="assistant", content=[ContentPart(type="output_text", text=text)])


def call(name: str, output: str) -> list[FunctionCallItem | FunctionCallOutputItem]:
    call_id = f"call_{name}"
    return [
        FunctionCallItem(id="c", name=name, arguments="{}", call_id=call_id),
        FunctionCallOutputItem(id="o", call_id=call_id, output=output),
    ]


async def answer(*items: Any, tools: Any = (), rules: Any = RULES) -> list[Any]:
    script = ScriptResponder({"rules": rules, "otherwise": "What?"})
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


@pytest.mark.parametrize(
    ("text", "said"),
    [("the weather", "It is sun!"), ("weather in Rome", "sun"), ("good evening", "sun")],
)
async def test_an_output_is_answered_by_the_rule_that_called(text: str, said: str) -> None:
    assert await answer(user(text), *call("weather", "sun"), tools=WEATHER) == [said]


async def test_an_expression_gives_its_groups_to_texts_and_arguments() -> None:
    rule = {
        "match": r"order (?P<number>\d+)(?: for (\w+))?",
        "say": "Order {number} for {2}, in '{0}'.",
        "call": "find",
        "arguments": {"order": "{number}", "options": [{"for": "<{2}>"}, 3]},
        "then": "{number}: {output.state.0} ({output.state.1.late}{output.none})",
    }
    tools = [{"name": "find"}]
    asked = user("Where is ORDER 42 for Ada?")
    assert await answer(asked, rules=[rule], tools=tools) == [
        "Order 42 for Ada, in 'ORDER 42 for Ada'.",
        ToolCall("find", '{"order":"42","options":[{"for":"<Ada>"},3]}'),
    ]
    output = '{"state": ["sent", {"late": true}]}'
    answered = await answer(asked, *call("find", output), rules=[rule], tools=tools)
    assert answered == ["42: sent (true)"]
    (text, _) = await answer(user("order 7"), rules=[rule], tools=tools)
    assert text == "Order 7 for , in 'order 7'."


async def test_several_functions_are_called_at_once_where_all_are_offered() -> None:
    rule = {
        "when": "both",
        "calls": [{"name": "f", "arguments": {"said": "{heard}"}}, {"name": "g"}],
        "then": "{outputs}",
    }
    both = [{"name": "f"}, {"name": "g"}]
    assert await answer(user("both!"), rules=[rule], tools=both) == [
        ToolCall("f", '{"said":"both!"}'),
        ToolCall("g", "{}"),
    ]
    assert await answer(user("both!"), rules=[rule], tools=both[:1]) == ["What?"]
    items = (user("both!"), *call("f", "one"), *call("g", "two"))
    assert await answer(*items, rules=[rule], tools=both) == ["one, two"]


async def test_a_rule_may_be_for_what_a_function_returned() -> None:
    rules = [
        {"when": "stock", "call": "stock", "then": "{output} left."},
        {"after": "stock", "match": "^0$", "say": "None, says {output}.", "call": "reorder"},
        {"after": "reorder", "say": "Reordered, as you said '{heard}'."},
    ]
    tools = [{"name": "stock"}, {"name": "reorder"}]
    asked = user("in stock?")
    assert await answer(asked, *call("stock", "7"), rules=rules, tools=tools) == ["7 left."]
    assert await answer(asked, *call("stock", "0"), rules=rules, tools=tools) == [
        "None, says 0.",
        ToolCall("reorder", "{}"),
    ]
    items = (asked, *call("stock", "0"), assistant("None"), *call("reorder", "ok"))
    assert await answer(*items, rules=rules, tools=tools) == ["Reordered, as you said 'in stock?'."]


async def test_once_is_once_in_a_conversation() -> None:
    rules = [
        {"when": "hi", "once": True, "say": "Nice to meet you."},
        {"when": "hi", "say": "Hi again."},
        {"once": True, "say": "Say hi."},
    ]
    first, hi = user("hi"), assistant("Nice to meet you.")
    assert await answer(first, rules=rules) == ["Nice to meet you."]
    assert await answer(first, user("hi!"), rules=rules) == ["Nice to meet you."]
    assert await answer(first, hi, user("hi!"), rules=rules) == ["Hi again."]
    assert await answer(first, hi, user("hm"), rules=rules) == ["Say hi."]
    assert await answer(rules=rules) == ["Say hi."]
    said = (user("hm"), assistant("Say hi."), user("well"))
    assert await answer(*said, rules=rules) == ["What?"]


async def test_a_call_without_a_word_to_its_output_is_not_made_again() -> None:
    rules = [{"when": "go", "call": "f", "then": ""}]
    assert await answer(user("go"), *call("f", "done"), rules=rules, tools=[{"name": "f"}]) == []


async def test_what_was_called_counts_whatever_is_offered_afterwards() -> None:
    rules = [
        {"when": "sell", "call": "transfer_to_sales", "once": True, "then": "Sales is here."},
        {"when": "sell", "call": "transfer_to_Sales", "then": "Not me."},
        {"when": "sell", "say": "I am no seller."},
    ]
    items = (user("Sell it."), *call("transfer_to_sales", "done"))
    assert await answer(*items, rules=rules, tools=[]) == ["Sales is here."]
    again = (*items, assistant("Sales is here."), user("Sell it!"))
    offered = [{"name": "transfer_to_sales"}]
    assert await answer(*again, rules=rules, tools=offered) == ["I am no seller."]


async def test_an_output_whose_call_is_gone_is_said() -> None:
    output = FunctionCallOutputItem(id="o", call_id="gone", output="sun")
    assert await answer(output, rules=[{"say": "always"}]) == ["sun"]


YAML = """\
# Words that other readers of YAML take for truth values and dates
rules:
  - when: [yes, on, 2026-11-25]
    once: true
    say: >
      Said {heard},
      of course.
  - {when: no, call: f, arguments: {days: 3, sure: true}}
otherwise: off
"""


@pytest.mark.parametrize("name", ["script.yaml", "script.YML"])
async def test_a_script_comes_from_a_yaml_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(YAML)
    script = ScriptResponder.from_file(path)

    async def answer(text: str) -> list[Any]:
        return [p async for p in script.respond([user(text)], {}, [{"name": "f"}])]

    assert "".join(await answer("on")) == "Said on, of course."
    assert "".join(await answer("2026-11-25")) == "Said 2026-11-25, of course."
    assert await answer("No.") == [ToolCall("f", '{"days":3,"sure":true}')]
    assert await answer("hm") == ["off"]


async def test_a_script_comes_from_a_json_file(tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    path.write_text(json.dumps({"rules": [], "otherwise": "{heard}, yes."}, indent="\t"))
    script = ScriptResponder.from_file(path)
    pieces = [piece async for piece in script.respond([user("so")], {}, [])]
    assert pieces == ["so,", " yes."]


WRONG = """\
rules:
  - when: a
    say: b
  - {rule}
"""


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("tell: b", r"line 4: rules\[1\]\.tell: Object contains unknown field `tell`"),
        ("when: a", r"line 4: rules\[1\]: a rule needs 'say', 'call' or 'calls'"),
        ("say: b\n    when: 3", r"line 5: rules\[1\]\.when: Expected `str \| array \| null`"),
        ("say: b\n    when: [a, '!']", r"line 5: rules\[1\]\.when: expected words, got none"),
        ("say: b\n    match: '('", r"line 5: rules\[1\]\.match: not a regular expression: missing"),
        ("say: b\n    when: a\n    match: a", r"line 6: rules\[1\]\.match: .* not both"),
        ("say: b\n    arguments: {c: d}", r"line 5: rules\[1\]\.arguments: .* no 'call'"),
        ("call: f\n    arguments: [c]", r"line 5: rules\[1\]\.arguments: Expected `object`"),
        ("calls:\n    - {nom: f}", r"line 4: rules\[1\]\.calls.*unknown field `nom`"),
        (
            "say: '{hered}'",
            r"line 4: rules\[1\]\.say: {hered} stands for nothing here; there is {h",
        ),
        ("say: '{output}'", r"line 4: rules\[1\]\.say: {output} stands for nothing here"),
        ("call: f\n    arguments: {a: ['{1}']}", r"line 5: rules\[1\]\.arguments: {1\} stands for"),
        ("say: b\n    then: '{heard.x}'", r"line 5: rules\[1\]\.then: {heard\.x} stands for"),
        ("say: b\n    say: c", r"line 5: the key 'say' stands here a second time"),
        ("say: 'b", r"line 5: not YAML: found unexpected end of stream"),
        ("say: \x07", "not YAML: it has characters"),
    ],
)
def test_what_is_wrong_is_named_with_its_line_and_key(
    tmp_path: Path, rule: str, message: str
) -> None:
    path = tmp_path / "script.yaml"
    path.write_text(WRONG.replace("{rule}", rule))
    with pytest.raises(ConfigError, match=message) as caught:
        ScriptResponder.from_file(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{\n "rules": [],\n}', "line 3: not JSON"),
        ("[]", "expected a mapping with 'rules'"),
        ('{"otherwise": "a"}', "line 1: Object missing required field `rules`"),
        ('{\n "rules": [\n {"when": ["a"]}]}', r"line 3: rules\[0\]: a rule needs"),
        ('{\n\t"rules": [{"when": ["a"]}]}', r"rules\[0\]: a rule needs"),
        ('{"rules": [],\n "otherwise": "{x}"}', "line 2: otherwise: {x} stands for nothing"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_json_is_read_with_lines_too(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "script.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        ScriptResponder.from_file(path)


def test_a_script_from_code_names_the_place() -> None:
    with pytest.raises(ConfigError, match=r"rules\[0\]\.tell: Object contains unknown field"):
        ScriptResponder({"rules": [{"tell": "b"}]})


def test_files_that_cannot_be_read_are_config_errors(tmp_path: Path) -> None:
    for name, message in (("no.json", "can't be read"), ("no.txt", "must end in")):
        with pytest.raises(ConfigError, match=message):
            ScriptResponder.from_file(tmp_path / name)
    (tmp_path / "latin.yaml").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="not UTF-8"):
        ScriptResponder.from_file(tmp_path / "latin.yaml")


async def test_the_example_does_what_it_shows() -> None:
    script = ScriptResponder.from_file(Path(__file__).parents[3] / "examples/shop.yaml")
    names = ("find_order", "send_again", "list_teas", "list_pots")

    async def answer(*items: Any) -> list[Any]:
        pieces = [p async for p in script.respond(items, {}, [{"name": name} for name in names])]
        text = "".join(piece for piece in pieces if isinstance(piece, str))
        return [text, *(piece for piece in pieces if isinstance(piece, ToolCall))]

    greeting = "Good morning, this is the tea shop. What can I do for you?"
    assert await answer(user("Hello.")) == [greeting]
    again = (user("Hello."), assistant(greeting), user("Hello?"))
    assert await answer(*again) == ['I did not understand "Hello?".']
    asked = user("Where is order number 42?")
    assert await answer(asked) == [
        "One moment, I look for order 42.",
        ToolCall("find_order", '{"number":"42"}'),
    ]
    lost = '{"state": "lost", "number": 42}'
    assert await answer(asked, *call("find_order", lost)) == [
        "I am sorry, it was lost. I send it again.",
        ToolCall("send_again", '{"number":"42"}'),
    ]
    sent = '{"state": "on its way", "day": "Friday"}'
    assert await answer(asked, *call("find_order", sent)) == [
        "It is on its way, and comes on Friday."
    ]
    everything = user("everything, please")
    assert await answer(everything) == [
        "",
        ToolCall("list_teas", "{}"),
        ToolCall("list_pots", '{"size":"large"}'),
    ]
    both = (*call("list_teas", "four teas"), *call("list_pots", "two pots"))
    assert await answer(everything, *both) == ["That is: four teas, two pots."]
