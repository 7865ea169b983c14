"""A tool by itself: its settings, its arguments, its failures and its time."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from rtaudio import ConfigError, RunContext, ToolTimeout, function_tool
from rtaudio.conversation import Conversation


@pytest.fixture
def ctx() -> RunContext:
    return RunContext({"user": "ada"}, Conversation())


@function_tool
async def greet(ctx: RunContext, name: str, loud: bool = False) -> str:
    """Greet somebody."""
    words = f"hello {name} from {ctx.context['user']}"
    return words.upper() if loud else words


async def test_a_decorated_function_is_called_with_parsed_arguments(ctx):
    assert await greet.invoke(ctx, '{"name": "bob"}') == "hello bob from ada"
    assert await greet.invoke(ctx, '{"loud": true, "name": "bob"}') == "HELLO BOB FROM ADA"


def test_the_wire_has_exactly_what_the_service_knows():
    assert greet.wire() == {
        "type": "function",
        "name": "greet",
        "description": "Greet somebody.",
        "parameters": greet.parameters,
    }

    @function_tool(name="do it!", description="")
    def f() -> None:
        """Words."""

    assert f.wire().keys() == {"type", "name", "parameters"}
    assert f.name == "do_it_"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ('{"name": 5}', "do not fit the tool greet: Expected `str`, got `int`"),
        ("{}", "do not fit the tool greet: Object missing required field `name`"),
        ('{"name": "x", "more": 1}', "do not fit the tool greet: Object contains unknown field"),
        ("[]", "do not fit the tool greet"),
        ('{"name": ', "are not valid JSON"),
        ("", "are not valid JSON"),
    ],
)
async def test_arguments_that_do_not_fit_become_words_for_the_model(ctx, arguments, words):
    assert words in await greet.invoke(ctx, arguments)


async def test_a_plain_function_does_not_hold_up_the_loop(ctx):
    threads = []

    @function_tool
    def slow() -> int:
        threads.append(threading.current_thread())
        return 7

    assert await slow.invoke(ctx, "{}") == 7
    assert threads != [threading.main_thread()]


async def test_what_a_tool_raises_is_told_to_the_model(ctx):
    @function_tool
    async def broken() -> None:
        raise LookupError("no such city")

    assert "no such city" in await broken.invoke(ctx, "{}")


async def test_a_tool_words_its_own_failures_or_lets_them_through(ctx):
    async def words(context: RunContext, error: Exception) -> str:
        return f"{context.context['user']}: {type(error).__name__}"

    def fail() -> None:
        raise LookupError("x")

    assert await function_tool(on_error=words)(fail).invoke(ctx, "{}") == "ada: LookupError"
    with pytest.raises(LookupError):
        await function_tool(on_error=None)(fail).invoke(ctx, "{}")


async def test_a_tool_that_takes_too_long_is_cancelled_and_the_model_is_told(ctx):
    cancelled = asyncio.Event()

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    tool = function_tool(timeout_s=0.01)(wait)
    assert await tool.invoke(ctx, "{}") == "The tool wait took longer than 0.01 s."
    assert cancelled.is_set()
    with pytest.raises(ToolTimeout, match=r"wait took longer than 0\.01 s"):
        await function_tool(timeout_s=0.01, timeout_behavior="raise")(wait).invoke(ctx, "{}")


async def test_the_words_about_a_time_out_may_be_the_applications_own(ctx):
    async def words(context: RunContext, error: ToolTimeout) -> str:
        return f"{context.context['user']}: {error}"

    async def wait() -> None:
        await asyncio.Event().wait()

    for on_timeout, said in ((words, "ada: The tool wait took"), (lambda *_: "late", "late")):
        tool = function_tool(timeout_s=0.01, on_timeout=on_timeout)(wait)
        assert (await tool.invoke(ctx, "{}")).startswith(said)


async def test_a_call_that_waits_for_something_cancelled_is_a_failure(ctx):
    @function_tool(timeout_s=60)
    async def wait() -> None:
        gone = asyncio.get_running_loop().create_future()
        gone.cancel()
        await gone

    assert "what it waited for was cancelled" in await wait.invoke(ctx, "{}")


async def test_a_call_that_is_cancelled_is_cancelled(ctx):
    @function_tool(timeout_s=60)
    async def wait() -> None:
        await asyncio.Event().wait()

    calling = asyncio.ensure_future(wait.invoke(ctx, "{}"))
    await asyncio.sleep(0)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling


async def test_with_a_schema_of_its_own_a_function_gets_whatever_object_the_model_wrote(ctx):
    schema = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}

    @function_tool(parameters=schema, name="f")
    async def f(ctx: RunContext, **arguments: Any) -> Any:
        """Do it."""
        return ctx.context["user"], arguments

    assert f.wire() == {
        "type": "function",
        "name": "f",
        "description": "Do it.",
        "parameters": schema,
    }
    assert await f.invoke(ctx, '{"y": [1]}') == ("ada", {"y": [1]})
    assert "do not fit the tool f" in await f.invoke(ctx, "[]")


async def test_a_time_out_of_the_tools_own_is_a_failure_like_any_other(ctx):
    @function_tool(timeout_s=60)
    async def fetch() -> None:
        raise TimeoutError("the weather service")

    assert "the weather service" in await fetch.invoke(ctx, "{}")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"timeout_s": 0}, "timeout_s must be a finite number of seconds above 0, got 0"),
        ({"timeout_s": -1.0}, "got -1.0"),
        ({"timeout_s": float("nan")}, "got nan"),
        ({"timeout_s": float("inf")}, "got inf"),
        ({"timeout_s": True}, "got True"),
        ({"timeout_behavior": "ignore"}, "must be 'return_message' or 'raise', got 'ignore'"),
        ({"name": "!!"}, "needs a name with letters or digits; got '!!'"),
        ({"needs_approval": "yes"}, "needs_approval must be a bool or callable, got 'yes'"),
        ({"is_enabled": None}, "is_enabled must be a bool or callable, got None"),
        ({"on_error": "words"}, "on_error must be callable or None"),
        ({"on_timeout": "words"}, "on_timeout must be callable or None"),
        ({"strict": None}, "strict must be a bool, got None"),
        ({"parameters": {"type": "string"}}, "parameters must be a JSON schema"),
    ],
)
def test_wrong_settings_are_refused_when_the_tool_is_made(settings: Any, words):
    with pytest.raises(ConfigError, match=words):
        function_tool(**settings)(lambda: None)


def test_only_functions_become_tools():
    with pytest.raises(ConfigError, match="must be a function, got int"):
        function_tool(5)
    assert "secret" not in repr(function_tool(name="f")(lambda secret: secret))
