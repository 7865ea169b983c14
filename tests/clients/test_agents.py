"""Two libraries of agents by WebSocket: `agents-realtime` in Node, `openai-agents` in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Outcome = Callable[[str], Mapping[str, Any]]

SISTER = "tired of sitting by her sister on the bank"


@pytest.fixture(scope="module")
def agents_realtime(node: Path, play: Callable[..., Outcome]) -> Outcome:
    return play(node, "agents_realtime.mjs")


@pytest.fixture(scope="module")
def openai_agents(agents_python: Path, play: Callable[..., Outcome]) -> Outcome:
    return play(agents_python, "openai_agents.py")


@pytest.fixture(params=["agents_realtime", "openai_agents"])
def outcome(request: pytest.FixtureRequest) -> Outcome:
    found: Outcome = request.getfixturevalue(request.param)
    return found


def test_messages_are_answered_aloud(outcome: Outcome) -> None:
    text = outcome("text")
    assert text["said"] == "You said: Good morning"
    assert text["history"] == [
        {"role": "user", "status": "completed", "text": "Good morning"},
        {"role": "assistant", "status": "completed", "text": "You said: Good morning"},
        {"role": "user", "status": "completed", "text": "Good night"},
        {"role": "assistant", "status": "completed", "text": "You said: Good night"},
    ]
    assert len(text["sound"]) > 96_000  # two answers of a second and a half each are longer


def test_speech_is_understood_and_answered_aloud(outcome: Outcome, heard: Any) -> None:
    speech = outcome("speech")
    assert SISTER in speech["said"]
    assert "by her sister on the bank" in heard(speech["sound"])
    assert [item["role"] for item in speech["history"]] == ["user", "assistant"]
    assert SISTER in speech["history"][0]["text"]


def test_a_function_is_called_and_its_output_answered(outcome: Outcome) -> None:
    tool = outcome("tool")
    assert tool["output"] == "sun in Oslo"
    assert tool["said"] == "There is sun in Oslo."


def test_a_handoff_brings_the_functions_of_the_other_agent(outcome: Outcome) -> None:
    handoff = outcome("handoff")
    assert handoff["handoff"] == ["Porter", "Refunds"]
    assert handoff["said"] == "Done: order 7 is refunded."


def test_a_guardrail_cuts_the_answer_and_has_it_made_again(outcome: Outcome) -> None:
    guardrail = outcome("guardrail")
    assert guardrail["cut"] == {"type": "cancelled", "reason": "client_cancelled"}
    assert "no passwords" in guardrail["feedback"]
    assert guardrail["said"] == "Let me put it differently."


def test_speech_interrupts_an_answer_and_is_answered_itself(outcome: Outcome) -> None:
    interjection = outcome("interjection")
    assert interjection["cut"] == {"type": "cancelled", "reason": "turn_detected"}
    assert interjection["truncated"]
    assert SISTER in interjection["said"]
    assert [(item["role"], item["status"]) for item in interjection["history"]] == [
        ("user", "completed"),
        ("assistant", "incomplete"),
        ("user", "completed"),
        ("assistant", "completed"),
    ]


def test_the_application_interrupts_an_answer(outcome: Outcome) -> None:
    assert outcome("interrupt")["cut"] == {"type": "cancelled", "reason": "client_cancelled"}


# What only one of them does or shows.


def test_a_message_is_answered_in_writing(openai_agents: Outcome) -> None:
    written = openai_agents("written")
    assert written["said"] == "You said: Good morning"
    assert written["sound"] == 0
    assert written["history"][-1]["text"] == "You said: Good morning"


def test_a_function_gets_its_arguments(openai_agents: Outcome) -> None:
    assert openai_agents("tool")["arguments"] == '{"city":"Oslo"}'


def test_a_call_of_a_function_is_in_history(agents_realtime: Outcome) -> None:
    tool = agents_realtime("tool")
    assert tool["started"] == "weather"
    assert {"call": "weather", "output": "sun in Oslo"} in tool["history"]


def test_the_other_agent_stays_after_a_handoff(agents_realtime: Outcome) -> None:
    assert agents_realtime("handoff")["agent"] == "Refunds"


def test_what_was_cut_off_has_no_transcript_in_the_service(agents_realtime: Outcome) -> None:
    assert agents_realtime("interrupt")["kept"] is None


def test_history_is_changed_from_the_client(agents_realtime: Outcome) -> None:
    history = agents_realtime("history")
    assert [item["text"] for item in history["before"]] == [
        "One.",
        "You said: One.",
        "Two.",
        "You said: Two.",
    ]
    assert [item["text"] for item in history["history"]] == [
        "One.",
        "You said: One.",
        "Three.",
        "You said: Three.",
    ]
    assert history["usage"]["requests"] == 3
    assert history["usage"]["outputTokens"] == 9
