"""Which offer a response and its calls belong to."""

from __future__ import annotations

from typing import Any

import pytest

from rtaudio.conversation import Conversation
from rtaudio.protocol import decode_server_event, encode_event


@pytest.fixture
def conversation() -> Conversation:
    conversation = Conversation()
    conversation.connecting()
    return conversation


def feed(conversation: Conversation, kind: str, **fields: Any) -> None:
    event = decode_server_event(encode_event({"type": kind, "event_id": "e", **fields}))
    conversation.receive(event, 0.0)


def call(conversation: Conversation, response_id: str) -> Any:
    item = {"id": "i", "type": "function_call", "status": "completed"}
    item |= {"name": "f", "call_id": "c", "arguments": "{}"}
    feed(
        conversation,
        "response.output_item.done",
        response_id=response_id,
        output_index=0,
        item=item,
    )
    (called,) = conversation.take_calls()
    return called.offer


def delta(conversation: Conversation, response_id: str) -> None:
    feed(
        conversation,
        "response.output_text.delta",
        response_id=response_id,
        item_id="m",
        output_index=0,
        content_index=0,
        delta="x",
    )


def test_a_response_that_begins_without_an_id_keeps_its_offer_for_the_first_one_named(
    conversation,
):
    conversation.offer("old")
    feed(conversation, "response.created", response={"status": "in_progress"})
    conversation.offer("new")
    assert call(conversation, "r1") == "old"
    assert call(conversation, "r1") == "old"
    assert call(conversation, "r2") == "new"


def test_words_settle_which_response_it_was(conversation):
    conversation.offer("old")
    feed(conversation, "response.created", response={"status": "in_progress"})
    conversation.offer("new")
    delta(conversation, "r1")
    assert call(conversation, "r2") == "new"
    assert call(conversation, "r1") == "old"


@pytest.mark.parametrize("response", [{"id": "r1"}, {}])
def test_its_end_settles_it_too(response, conversation):
    conversation.offer("old")
    feed(conversation, "response.created", response={"status": "in_progress"})
    conversation.offer("new")
    feed(conversation, "response.done", response={"status": "completed", "output": [], **response})
    assert call(conversation, "r2") == "new"


def test_a_response_that_nobody_announced_has_the_present_offer_until_it_ends(conversation):
    conversation.offer("old")
    assert call(conversation, "r1") == "old"
    conversation.offer("new")
    assert call(conversation, "r1") == "old"
    feed(conversation, "response.done", response={"id": "r1", "output": []})
    assert call(conversation, "r1") == "new"
