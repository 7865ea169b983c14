"""`@openai/agents-realtime` in Node, over a WebSocket to the embedded service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

SISTER = "tired of sitting by her sister on the bank"


@pytest.fixture(scope="module")
def outcome(
    node: Path, play: Callable[..., Callable[[str], Mapping[str, Any]]]
) -> Callable[[str], Mapping[str, Any]]:
    return play(node, "agents_realtime.mjs")


def test_a_message_is_answered_aloud(outcome: Any) -> None:
    text = outcome("text")
    assert text["said"] == "You said: Good morning"
    assert len(text["sound"]) > 48_000  # a second and a half is twice as long, in base64
    assert text["history"] == [
        {"role": "user", "status": "completed", "text": "Good morning"},
        {"role": "assistant", "status": "completed", "text": "You said: Good morning"},
    ]


def test_speech_is_understood_and_answered_aloud(outcome: Any, heard: Any) -> None:
    speech = outcome("speech")
    assert SISTER in speech["said"]
    assert "by her sister on the bank" in heard(speech["sound"])
    assert [item["role"] for item in speech["history"]] == ["user", "assistant"]
    assert SISTER in speech["history"][0]["text"]


def test_a_function_is_called_and_its_output_answered(outcome: Any) -> None:
    tool = outcome("tool")
    assert (tool["started"], tool["result"]) == ("weather", "sun in Oslo")
    assert tool["said"] == "There is sun in Oslo."
    assert {"call": "weather", "output": "sun in Oslo"} in tool["history"]


def test_a_handoff_brings_the_functions_of_the_other_agent(outcome: Any) -> None:
    handoff = outcome("handoff")
    assert handoff["handoff"] == ["Porter", "Refunds"]
    assert handoff["agent"] == "Refunds"
    assert handoff["said"] == "Done: order 7 is refunded."


def test_a_guardrail_cuts_the_answer_and_has_it_made_again(outcome: Any) -> None:
    guardrail = outcome("guardrail")
    assert guardrail["cut"] == {"type": "cancelled", "reason": "client_cancelled"}
    assert "Failed Guardrail Reason: no passwords" in guardrail["feedback"]
    assert guardrail["said"] == "Let me put it differently."


def test_speech_interrupts_an_answer_and_is_answered_itself(outcome: Any) -> None:
    barge_in = outcome("bargeIn")
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
    interrupt = outcome("interrupt")
    assert interrupt["cut"] == {"type": "cancelled", "reason": "client_cancelled"}
    assert interrupt["kept"] is None  # what was cut off has no transcript in the service any more


def test_history_is_changed_from_the_client(outcome: Any) -> None:
    history = outcome("history")
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
