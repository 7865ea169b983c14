from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtaudio import TransportError
from rtaudio.conversation.sequencer import MAX_WAITING, ResponseSequencer


class Line:
    """A sequencer and what it has sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.sequencer = ResponseSequencer(self.sent)

    def take(self) -> list[dict[str, Any]]:
        taken = self.sent[:]
        self.sent.clear()
        return taken


@pytest.fixture
def line() -> Line:
    return Line()


def refuse(line: Line, event: dict[str, Any], code: str = "invalid_value") -> None:
    line.sequencer.error(code=code, message="no", event_id=event["event_id"])


def test_request_goes_out_at_once_when_nothing_is_ongoing(line: Line) -> None:
    line.sequencer.request()
    (event,) = line.take()
    assert event == {"type": "response.create", "event_id": "rtaudio_response_create_1"}


def test_second_request_waits_for_the_response_to_the_first(line: Line) -> None:
    line.sequencer.request()
    line.take()
    line.sequencer.request()
    line.sequencer.response_created("r1")
    assert line.take() == []
    line.sequencer.response_done("r1")
    assert [event["event_id"] for event in line.take()] == ["rtaudio_response_create_2"]


def test_requests_during_a_response_cause_one_response_together(line: Line) -> None:
    line.sequencer.response_created("r1")
    for _ in range(3):
        line.sequencer.request()
    line.sequencer.response_done("r1")
    assert len(line.take()) == 1
    line.sequencer.response_created("r2")
    line.sequencer.response_done("r2")
    assert line.take() == []


def test_manual_request_is_never_merged_and_keeps_its_place(line: Line) -> None:
    sequencer = line.sequencer
    sequencer.response_created("r0")
    sequencer.request()
    sequencer.request()
    sequencer.request({"instructions": "short"})
    sequencer.request()
    payloads = []
    for n in range(4):
        sequencer.response_done(f"r{n}")
        payloads += [event.get("response") for event in line.take()]
        sequencer.response_created(f"r{n + 1}")
    assert payloads == [None, {"instructions": "short"}, None]


def test_empty_payload_counts_as_manual(line: Line) -> None:
    line.sequencer.request({})
    assert line.take()[0]["response"] == {}


def test_ready_made_event_keeps_its_event_id(line: Line) -> None:
    line.sequencer.response_created("r1")
    line.sequencer.request_event({"type": "response.create", "event_id": "mine"})
    line.sequencer.response_done("r1")
    assert line.take()[0]["event_id"] == "mine"


def test_end_of_another_response_does_not_free_the_line(line: Line) -> None:
    line.sequencer.response_created("r1")
    line.sequencer.request()
    line.sequencer.response_done("r9")
    assert line.take() == []


def test_cancel_goes_out_once_and_blocks_until_the_end(line: Line) -> None:
    assert not line.sequencer.cancel()
    line.sequencer.response_created("r1")
    assert line.sequencer.cancel()
    assert not line.sequencer.cancel()
    line.sequencer.request()
    assert [event["type"] for event in line.take()] == ["response.cancel"]
    line.sequencer.response_done("r1")
    assert [event["type"] for event in line.take()] == ["response.create"]


def test_error_about_another_event_changes_nothing(line: Line) -> None:
    line.sequencer.request()
    line.take()
    line.sequencer.request()
    line.sequencer.error(code="invalid_value", message="no", event_id="other")
    assert line.take() == []


def test_refused_request_alone_is_not_repeated(line: Line) -> None:
    line.sequencer.request()
    refuse(line, line.take()[0])
    assert line.take() == []
    line.sequencer.request()
    assert len(line.take()) == 1


def test_refused_request_gives_those_it_covered_one_fresh_try(line: Line) -> None:
    line.sequencer.response_created("r1")
    for _ in range(3):
        line.sequencer.request()
    line.sequencer.response_done("r1")
    refuse(line, line.take()[0])
    assert len(line.take()) == 1


@pytest.mark.parametrize(
    ("code", "message", "freed"),
    [
        ("response_create_failed", "x", True),
        ("other", "bad response.create", True),
        (None, None, False),
        ("invalid_value", "bad session.update", False),
    ],
)
def test_error_without_event_id_counts_only_if_it_speaks_of_the_request(
    line: Line, code: str | None, message: str | None, freed: bool
) -> None:
    line.sequencer.request()
    line.take()
    line.sequencer.request()
    line.sequencer.error(code=code, message=message, event_id=None)
    assert bool(line.take()) is freed


def test_request_that_lost_the_race_with_the_services_own_response_goes_again(line: Line) -> None:
    line.sequencer.request()
    (event,) = line.take()
    line.sequencer.response_created("service")
    refuse(line, event, "conversation_already_has_active_response")
    assert line.take() == []
    line.sequencer.response_done("service")
    assert len(line.take()) == 1


def test_race_whose_response_is_not_announced_yet_waits_for_its_end(line: Line) -> None:
    line.sequencer.request()
    refuse(line, line.take()[0], "conversation_already_has_active_response")
    assert line.take() == []
    line.sequencer.response_created("service")
    line.sequencer.response_done("service")
    assert len(line.take()) == 1


def test_request_that_could_not_be_written_frees_the_line(line: Line) -> None:
    line.sequencer.request()
    line.sequencer.send_failed(line.take()[0])
    line.sequencer.request()
    assert len(line.take()) == 1


def test_cancel_that_could_not_be_written_may_be_tried_again(line: Line) -> None:
    line.sequencer.response_created("r1")
    line.sequencer.cancel()
    line.sequencer.send_failed(line.take()[0])
    assert line.sequencer.cancel()


def test_reset_forgets_what_waited(line: Line) -> None:
    line.sequencer.response_created("r1")
    line.sequencer.request()
    line.sequencer.reset()
    assert line.take() == []
    assert not line.sequencer.ongoing


@given(st.lists(st.sampled_from(["auto", "manual", "created", "done"]), max_size=60))
def test_never_two_requests_in_flight_and_every_manual_one_goes_once(steps: list[str]) -> None:
    line = Line()
    sequencer = line.sequencer
    manual = answered = 0
    in_flight = False

    def watch() -> None:
        nonlocal in_flight, answered
        for event in line.take():
            assert not in_flight
            assert not sequencer.ongoing
            in_flight = True
            answered += "response" in event

    for step in steps:
        if step == "auto":
            sequencer.request()
        elif step == "manual":
            manual += 1
            sequencer.request({"n": manual})
        elif step == "created" and not sequencer.ongoing:
            in_flight = False
            sequencer.response_created(None)
        elif step == "done" and sequencer.ongoing:
            sequencer.response_done(None)
        watch()
    for _ in range(len(steps) + 1):
        if not sequencer.ongoing:
            in_flight = False
            sequencer.response_created(None)
        sequencer.response_done(None)
        watch()
    assert answered == manual


def test_requests_with_settings_of_their_own_are_refused_when_too_many_wait(line: Line) -> None:
    line.sequencer.response_created("r")
    for number in range(MAX_WAITING - 1):
        line.sequencer.request({"n": number})
    with pytest.raises(TransportError, match=f"{MAX_WAITING - 1} requests"):
        line.sequencer.request({})
    with pytest.raises(TransportError):
        line.sequencer.request_event({"type": "response.create"})
    for _ in range(5):
        line.sequencer.request()
    queue = line.sequencer.queue
    assert (queue.size, queue.bound, queue.lost) == (MAX_WAITING, MAX_WAITING, 2)
    for number in range(MAX_WAITING - 1):
        line.sequencer.response_done(None)
        (create,) = line.take()
        assert create["response"] == {"n": number}
        line.sequencer.response_created(None)
    line.sequencer.response_done(None)
    (last,) = line.take()
    assert "response" not in last


def test_plain_requests_are_covered_by_those_that_wait_however_many_they_are(line: Line) -> None:
    line.sequencer.response_created("r")
    for _ in range(2 * MAX_WAITING):
        line.sequencer.request()
    assert line.sequencer.queue.size == MAX_WAITING
    assert line.sequencer.queue.lost == 0
    line.sequencer.response_done("r")
    assert len(line.take()) == 1
    assert line.sequencer.queue.size == 0


def test_a_plain_request_is_not_covered_by_one_with_settings_of_its_own(line: Line) -> None:
    line.sequencer.request()
    (create,) = line.take()
    line.sequencer.response_created("r")
    for _ in range(MAX_WAITING - 1):
        line.sequencer.request({})
    # The first lost its race and waits again; so there are as many as may be.
    refuse(line, create, "conversation_already_has_active_response")
    assert line.sequencer.queue.size == MAX_WAITING
    line.sequencer.request()
    assert line.sequencer.queue.size == MAX_WAITING + 1


def test_nothing_goes_out_once_it_is_halted(line: Line) -> None:
    line.sequencer.response_created("r")
    line.sequencer.request()
    line.sequencer.halt()
    line.sequencer.response_done("r")
    line.sequencer.request({})
    assert line.take() == []
    assert line.sequencer.queue.size == 0
    line.sequencer.reset()
    line.sequencer.request()
    assert len(line.take()) == 1
