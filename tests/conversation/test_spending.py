from __future__ import annotations

from typing import Any

import pytest

from rtaudio.conversation import Conversation, PriceTable, UsageLimit
from rtaudio.protocol import decode_server_event, encode_event

PRICES = PriceTable(
    text_input=1, audio_input=1, text_output=1, audio_output=1, transcription_minute=60
)


class Spender:
    """A conversation with a limit, and what it tells and sends."""

    def __init__(self, **limit: Any) -> None:
        self.conversation = Conversation()
        self.conversation.spending.allow(UsageLimit(**limit), PRICES)

    def feed(self, kind: str, **fields: Any) -> list[str]:
        event = decode_server_event(encode_event({"type": kind, "event_id": "e", **fields}))
        self.conversation.receive(event, 100.0)
        return [told.type for told in self.conversation.take_events()]

    def begin(self, response: str = "r1") -> list[str]:
        return self.feed("response.created", response={"id": response, "output": []})

    def end(self, tokens: int, response: str = "r1") -> list[str]:
        usage = {"input_tokens": tokens, "output_tokens": 0}
        return self.feed("response.done", response={"id": response, "output": [], "usage": usage})

    def audio(self) -> list[str]:
        ids = {"response_id": "r1", "item_id": "a", "output_index": 0, "content_index": 0}
        return self.feed("response.output_audio.delta", **ids, delta="AAAA" * 1600)

    def transcribe(self, seconds: float) -> list[str]:
        return self.feed(
            "conversation.item.input_audio_transcription.completed",
            item_id="u",
            content_index=0,
            transcript="hi",
            usage={"type": "duration", "seconds": seconds},
        )

    def sent(self) -> list[str]:
        return [event["type"] for event in self.conversation.take_outgoing()]


def test_below_the_limit_nothing_happens() -> None:
    spender = Spender(total_tokens=10)
    spender.begin()
    assert spender.end(9) == ["agent_end"]
    assert not spender.conversation.spending.exhausted
    assert not spender.conversation.spending.finished


def test_the_limit_is_told_once_and_behind_what_reached_it() -> None:
    spender = Spender(total_tokens=10)
    spender.begin()
    assert spender.end(10) == ["agent_end", "usage_limit_reached"]
    assert spender.conversation.spending.finished
    assert spender.end(10) == ["agent_end"]


def test_the_event_carries_what_was_spent_and_the_limit() -> None:
    spender = Spender(total_tokens=10)
    response = {"id": "r", "output": [], "usage": {"input_tokens": 12}}
    done = {"type": "response.done", "event_id": "e", "response": response}
    spender.conversation.receive(decode_server_event(encode_event(done)), 0.0)
    told = spender.conversation.take_events()[-1]
    assert told.usage == spender.conversation.usage
    assert (told.usage.input_tokens, told.limit) == (12, UsageLimit(total_tokens=10))


def test_no_response_is_asked_for_any_more_also_none_that_waited() -> None:
    spender = Spender(total_tokens=10)
    spender.begin()
    spender.conversation.request_response()
    spender.conversation.request_response({"instructions": "x"})
    spender.end(10)
    spender.conversation.request_response()
    spender.conversation.send_event({"type": "response.create"})
    assert spender.sent() == []


def test_an_ongoing_answer_comes_to_its_end_first() -> None:
    spender = Spender(total_tokens=10)
    spender.begin("r1")
    spender.audio()
    assert spender.end(10, "other") == ["agent_end", "usage_limit_reached"]
    assert spender.conversation.spending.exhausted
    assert not spender.conversation.spending.finished
    assert spender.audio() == ["audio"]
    assert spender.sent() == []
    spender.end(1, "r1")
    assert spender.conversation.spending.finished


def test_an_ongoing_answer_is_cut_where_that_was_asked_for() -> None:
    spender = Spender(total_tokens=10, interrupt=True)
    spender.begin("r1")
    spender.audio()
    told = spender.end(10, "other")
    assert told == ["agent_end", "usage_limit_reached", "audio_interrupted"]
    assert spender.sent() == ["response.cancel", "conversation.item.truncate"]
    assert spender.audio() == []
    assert spender.conversation.spending.finished


def test_transcription_counts_as_money_but_not_as_tokens() -> None:
    spender = Spender(total_tokens=1, cost=3)
    assert spender.transcribe(2.9)[-1] == "transcript_completed"
    assert spender.transcribe(0.1)[-1] == "usage_limit_reached"
    assert spender.conversation.usage.total_tokens == 0
    assert spender.conversation.spending.finished


@pytest.mark.parametrize("limit", [None, UsageLimit(total_tokens=100)])
def test_a_new_connection_may_spend_what_its_limit_allows(limit: UsageLimit | None) -> None:
    spender = Spender(total_tokens=10)
    spender.begin()
    spender.end(10)
    spender.conversation.disconnected()
    assert not spender.conversation.spending.finished
    spender.conversation.connecting()
    spender.conversation.spending.allow(limit, None)
    spender.begin()
    assert spender.end(20) == ["agent_end"]
    spender.conversation.request_response()
    assert spender.sent() == ["response.create"]
    assert spender.conversation.usage.input_tokens == 30
