from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

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


def test_late_refusals_put_a_request_back_once_and_only_the_last_that_went_out(line: Line) -> None:
    sequencer = line.sequencer
    sequencer.request({})
    (first,) = line.take()
    sequencer.response_created("service")
    for _ in range(2):
        refuse(line, first, "conversation_already_has_active_response")
    sequencer.response_done("service")
    (second,) = line.take()
    sequencer.response_created("r1")
    sequencer.response_done("r1")
    assert line.take() == []
    sequencer.request()
    line.take()
    refuse(line, second, "conversation_already_has_active_response")
    sequencer.response_created("r2")
    sequencer.response_done("r2")
    assert line.take() == []


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


class Oracle:
    """The same rules by numbered requests, searched through anew for every decision."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.version = self.made_ids = 0
        self.reset()

    def reset(self) -> None:
        self.ongoing, self.response_id = False, None
        self.control = "free"
        # Requests that no response has answered: None is automatic, an event is a manual one.
        self.open: dict[int, dict[str, Any] | None] = {}
        # What went out: its event id, and the requests it stands for.
        self.pending: tuple[str, dict[int, Any]] | None = None
        self.accepted: tuple[str, dict[int, Any]] | None = None

    def request(self, event: dict[str, Any] | None) -> None:
        self.version += 1
        self.open[self.version] = event
        self.advance()

    def advance(self) -> None:
        if self.ongoing or self.control != "free" or not self.open:
            return
        own = min(self.open)
        event = self.open[own]
        covered = [own]
        if event is None:
            limit = min(
                (version for version, manual in self.open.items() if manual is not None),
                default=self.version + 1,
            )
            covered = [version for version in self.open if version < limit]
        event = dict(event or {"type": "response.create"})
        if "event_id" not in event:
            self.made_ids += 1
            event["event_id"] = f"rtaudio_response_create_{self.made_ids}"
        self.pending = event["event_id"], {version: self.open[version] for version in covered}
        self.accepted = None
        self.control = "create_requested"
        self.sent.append(event)

    def accept(self) -> None:
        if self.pending is not None:
            for version in self.pending[1]:
                del self.open[version]
            self.accepted, self.pending = self.pending, None
        self.control = "free"

    def created(self, response_id: str | None) -> None:
        self.ongoing, self.response_id = True, response_id
        self.accept()

    def done(self, response_id: str | None) -> None:
        if response_id and self.response_id and response_id != self.response_id:
            return
        self.ongoing, self.response_id = False, None
        self.accept()
        self.advance()

    def cancel(self) -> None:
        if self.ongoing and self.control != "cancel_requested":
            self.cancel_raw({"type": "response.cancel"})

    def cancel_raw(self, event: dict[str, Any]) -> None:
        if self.ongoing:
            self.control = "cancel_requested"
        self.sent.append(event)

    def drop(self) -> None:
        assert self.pending is not None
        del self.open[min(self.pending[1])]
        self.pending, self.control = None, "free"
        self.advance()

    def error(self, code: str | None, message: str | None, event_id: str | None) -> None:
        lost_race = code == ALREADY_ACTIVE
        if lost_race and self.pending and event_id in (None, self.pending[0]):
            self.pending, self.control, self.ongoing = None, "free", True
        elif lost_race and self.accepted and event_id in (None, self.accepted[0]):
            self.open.update(self.accepted[1])
            self.accepted = None
            self.advance()
        elif self.pending and event_id == self.pending[0]:
            self.drop()
        elif self.pending and event_id is None:
            speaks_of_it = "response_create" in (code or "") or "response.create" in (message or "")
            if speaks_of_it:
                self.drop()

    def send_failed(self, event: dict[str, Any]) -> None:
        if event["type"] == "response.cancel":
            if self.control == "cancel_requested":
                self.control = "free"
        elif self.pending and event["event_id"] == self.pending[0]:
            self.drop()


ALREADY_ACTIVE = "conversation_already_has_active_response"
BACK = st.sampled_from([1, 1, 2])
RESPONSES = st.sampled_from(["r1", "r1", "r2", None])
CODES = st.sampled_from([None, "invalid_value", "response_create_failed", ALREADY_ACTIVE])
MESSAGES = st.sampled_from([None, "no", "bad response.create"])


class SequencerAgainstOracle(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.line, self.oracle = Line(), Oracle()
        self.seen: list[dict[str, Any]] = [{"type": "response.create", "event_id": "never sent"}]
        self.raw_ids = 0

    def earlier(self, back: int) -> dict[str, Any]:
        """What was sent so many events ago."""
        return self.seen[-min(back, len(self.seen))]

    @rule()
    def ask(self) -> None:
        self.line.sequencer.request()
        self.oracle.request(None)

    @rule(payload=st.sampled_from([{}, {"instructions": "short"}]))
    def ask_with_settings(self, payload: dict[str, Any]) -> None:
        self.line.sequencer.request(payload)
        self.oracle.request({"type": "response.create", "response": payload})

    @rule(has_id=st.booleans())
    def ask_by_a_ready_made_event(self, has_id: bool) -> None:
        event: dict[str, Any] = {"type": "response.create"}
        if has_id:
            self.raw_ids += 1
            event["event_id"] = f"mine_{self.raw_ids}"
        self.line.sequencer.request_event(event)
        self.oracle.request(event)

    @rule(response_id=RESPONSES)
    def a_response_begins(self, response_id: str | None) -> None:
        self.line.sequencer.response_created(response_id)
        self.oracle.created(response_id)

    @rule(response_id=RESPONSES)
    def a_response_ends(self, response_id: str | None) -> None:
        self.line.sequencer.response_done(response_id)
        self.oracle.done(response_id)

    @rule()
    def cancel(self) -> None:
        self.line.sequencer.cancel()
        self.oracle.cancel()

    @rule()
    def cancel_by_a_ready_made_event(self) -> None:
        self.line.sequencer.cancel_event({"type": "response.cancel", "response_id": "r1"})
        self.oracle.cancel_raw({"type": "response.cancel", "response_id": "r1"})

    def refuse(self, code: str | None, message: str | None, event_id: str | None) -> None:
        self.line.sequencer.error(code=code, message=message, event_id=event_id)
        self.oracle.error(code, message, event_id)

    @rule(code=CODES, message=MESSAGES)
    def the_service_reports_an_error(self, code: str | None, message: str | None) -> None:
        self.refuse(code, message, None)

    @rule(code=CODES, back=BACK)
    def the_service_refuses(self, code: str | None, back: int) -> None:
        self.refuse(code, "no", self.earlier(back).get("event_id"))

    @rule(back=BACK)
    def the_service_had_begun_a_response_itself(self, back: int) -> None:
        self.refuse(ALREADY_ACTIVE, "no", self.earlier(back).get("event_id"))

    @rule(back=BACK)
    def something_cannot_be_written(self, back: int) -> None:
        event = self.earlier(back)
        self.line.sequencer.send_failed(event)
        self.oracle.send_failed(event)

    @rule()
    def the_connection_goes(self) -> None:
        self.line.sequencer.reset()
        self.oracle.reset()

    @invariant()
    def both_have_sent_the_same_and_know_the_same(self) -> None:
        sent = self.line.take()
        assert sent == self.oracle.sent
        self.oracle.sent.clear()
        self.seen += sent
        assert self.line.sequencer.ongoing is self.oracle.ongoing
        assert self.line.sequencer.response_id == self.oracle.response_id


TestSequencerAgainstOracle = SequencerAgainstOracle.TestCase
