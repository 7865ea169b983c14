"""`openai-agents` for Python, over a WebSocket to the embedded service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

SISTER = "tired of sitting by her sister on the bank"


@pytest.fixture(scope="module")
def outcome(
    agents_python: Path, play: Callable[..., Callable[[str], Mapping[str, Any]]]
) -> Callable[[str], Mapping[str, Any]]:
    return play(agents_python, "openai_agents.py")


def test_messages_are_answered_aloud(outcome: Any) -> None:
    text = outcome("text")
    assert text["said"] == "You said: Good morning"
    assert len(text["sound"]) > 96_000  # two answers of a second and a half each are longer
    assert text["history"] == [
        {"role": "user", "status": "completed", "text": "Good morning"},
        {"role": "assistant", "status": "completed", "text": "You said: Good morning"},
        {"role": "user", "status": "completed", "text": "Good night"},
        {"role": "assistant", "status": "completed", "text": "You said: Good night"},
    ]


def test_a_message_is_answered_in_writing(outcome: Any) -> None:
    written = outcome("written")
    assert written["said"] == "You said: Good morning"
    assert written["sound"] == 0
    assert written["history"][-1]["text"] == "You said: Good morning"


def test_speech_is_understood_and_answered_aloud(outcome: Any, heard: Any) -> None:
    speech = outcome("speech")
    assert SISTER in speech["said"]
    assert "by her sister on the bank" in heard(speech["sound"])
    assert [item["role"] for item in speech["history"]] == ["user", "assistant"]
    assert SISTER in speech["history"][0]["text"]


def test_a_function_is_called_and_its_output_answered(outcome: Any) -> None:
    tool = outcome("tool")
    assert tool["arguments"] == '{"city":"Oslo"}'
    assert tool["output"] == "sun in Oslo"
    assert tool["said"] == "There is sun in Oslo."


def test_a_handoff_brings_the_functions_of_the_other_agent(outcome: Any) -> None:
    handoff = outcome("handoff")
    assert handoff["handoff"] == ["Porter", "Refunds"]
    assert handoff["said"] == "Done: order 7 is refunded."


def test_a_guardrail_cuts_the_answer_and_has_it_made_again(outcome: Any) -> None:
    guardrail = outcome("guardrail")
    assert guardrail["cut"] == {"type": "cancelled", "reason": "client_cancelled"}
    assert guardrail["feedback"] == "guardrail triggered: no_passwords"
    assert guardrail["said"] == "Let me put it differently."


def test_speech_interrupts_an_answer_and_is_answered_itself(outcome: Any) -> None:
    barge_in = outcome("barge_in")
    assert barge_in["cut"] == {"type": "cancelled", "reason": "turn_detected"}
    assert barge_in["truncated"]
    assert SISTER in barge_in["said"]
    assert [(item["role"], item["status"]) for item in barge_in["history"]] == [
        ("user", "completed"),
        ("assistant", "incomplete"),
        ("user", "completed"),
        ("assistant", "completed"),
    ]


def test_the_application_interrupts_an_answer(outcome: Any) -> None:
    assert outcome("interrupt")["cut"] == {"type": "cancelled", "reason": "client_cancelled"}
