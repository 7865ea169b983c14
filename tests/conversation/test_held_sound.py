"""Sound that waits for checks: when it leaves, when it never does, and what is told of it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtaudio.conversation import Conversation
from rtaudio.conversation.checking import Checking
from rtaudio.conversation.tracker import PlaybackTracker
from rtaudio.protocol import decode_server_event, encode_event

if TYPE_CHECKING:
    from rtaudio.conversation.checking import Check

MS = 48  # bytes of a millisecond


class Scene:
    """A conversation with checks, whose time and verdicts tests decide."""

    def __init__(self, *, tracker: PlaybackTracker | None = None, **checking: Any) -> None:
        self.conversation = Conversation()
        self.conversation.check(Checking(**{"every": 10, "hold": True, **checking}))
        self.conversation.track(tracker, None)
        self.now = 100.0
        self.told: list[Any] = []
        self.sent: list[dict[str, Any]] = []
        self.checks: list[Check] = []

    def _collect(self) -> None:
        self.told += self.conversation.take_events()
        self.sent += self.conversation.take_outgoing()
        self.checks += self.conversation.take_checks()

    def feed(self, kind: str, **fields: Any) -> None:
        event = decode_server_event(encode_event({"type": kind, "event_id": "e", **fields}))
        self.conversation.receive(event, self.now)
        self._collect()

    def _part(self, kind: str, response: str, item: str, index: int = 0, **fields: Any) -> None:
        place = {"response_id": response, "item_id": item, "output_index": 0}
        self.feed(f"response.{kind}", content_index=index, **place, **fields)

    def begin(self, response: str = "r1") -> None:
        self.feed("response.created", response={"id": response, "output": []})

    def audio(self, ms: int, response: str = "r1", item: str = "a", index: int = 0) -> None:
        delta = base64.b64encode(bytes(ms * MS)).decode()
        self._part("output_audio.delta", response, item, index, delta=delta)

    def audio_done(self, response: str = "r1", item: str = "a") -> None:
        self._part("output_audio.done", response, item)

    def say(
        self,
        text: str,
        response: str = "r1",
        item: str = "a",
        kind: str = "output_audio_transcript",
    ) -> None:
        self._part(f"{kind}.delta", response, item, delta=text)

    def said(self, text: str, response: str = "r1", item: str = "a", index: int = 0) -> None:
        self._part("output_audio_transcript.done", response, item, index, transcript=text)

    def end(self, *texts: str, response: str = "r1", items: str = "a") -> None:
        output = [
            {
                "id": item,
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_audio", "transcript": text}],
            }
            for item, text in zip(items, texts, strict=False)
        ]
        done = {"id": response, "status": "completed", "output": output}
        self.feed("response.done", response=done)

    def passed(self, number: int, *, failed: bool = False) -> None:
        self.conversation.passed(self.checks[number], self.now, failed=failed)
        self._collect()

    def block(self, number: int) -> bool:
        stopped = self.conversation.block(self.checks[number], self.now)
        self._collect()
        return stopped

    def interrupt(self) -> None:
        self.conversation.interrupt(self.now)
        self._collect()

    @property
    def held(self) -> Any:
        return self.conversation.queues()["held"]

    @property
    def heard(self) -> list[Any]:
        """Milliseconds of each piece of sound, and the names of what else concerns sound."""
        kinds = ("audio_start", "audio_stopped", "audio_interrupted", "agent_end", "error")
        return [
            len(event.data) // MS if event.type == "audio" else event.type
            for event in self.told
            if event.type == "audio" or event.type in kinds
        ]

    @property
    def cuts(self) -> list[tuple[str, int]]:
        return [
            (event["item_id"], event["audio_end_ms"])
            for event in self.sent
            if event["type"] == "conversation.item.truncate"
        ]


def test_a_check_that_passes_frees_what_had_arrived_with_the_text_it_saw():
    scene = Scene()
    scene.begin()
    scene.say("hello")
    scene.audio(100)
    scene.say(" there")
    scene.audio(200)
    assert scene.heard == []
    assert [check.text for check in scene.checks] == ["hello there"]
    scene.passed(0)
    assert scene.heard == ["audio_start", 100]


def test_without_checks_nothing_waits():
    scene = Scene(every=None)
    scene.begin()
    scene.audio(100)
    assert scene.heard == ["audio_start", 100]


def test_checks_alone_hold_nothing():
    scene = Scene(hold=False)
    scene.begin()
    scene.say("hello there")
    scene.audio(100)
    assert scene.heard == ["audio_start", 100]
    assert [check.number for check in scene.checks] == [0]


def test_a_complete_transcript_frees_its_part_whatever_its_length():
    scene = Scene(every=100)
    scene.begin()
    scene.say("short")
    scene.audio(100)
    scene.audio_done()
    scene.said("short")
    assert [check.text for check in scene.checks] == ["short"]
    scene.passed(0)
    assert scene.heard == ["audio_start", 100, "audio_stopped"]
    # What is late belongs to the words that were checked, and the end brings no second check.
    scene.audio(50)
    assert scene.heard[3:] == ["audio_start", 50]
    scene.end("short")
    assert len(scene.checks) == 1


def test_only_finished_text_is_checked_where_that_was_asked_for():
    scene = Scene(every=-1)
    scene.begin()
    scene.say("a text of some length")
    scene.audio(100)
    assert scene.checks == []
    scene.said("a text of some length")
    scene.passed(0)
    assert scene.heard == ["audio_start", 100]


def test_what_tells_of_the_end_of_sound_comes_behind_it_and_nothing_else_waits():
    scene = Scene()
    scene.begin()
    scene.say("hello")
    scene.audio(100)
    scene.audio_done()
    scene.end("hello")
    assert scene.heard == ["agent_end"]
    assert [event.type for event in scene.told if event.type == "transcript_delta"]
    scene.passed(0)
    assert scene.heard == ["agent_end", "audio_start", 100, "audio_stopped"]


def test_verdicts_count_in_the_order_in_which_their_checks_began():
    scene = Scene()
    scene.begin()
    scene.audio(100)
    scene.say("x" * 10)
    scene.audio(200)
    scene.say("x" * 10)
    scene.passed(1)
    assert scene.heard == []
    scene.passed(0)
    assert scene.heard == ["audio_start", 100, 200]


def test_a_trip_drops_what_is_held_and_all_that_comes_after():
    scene = Scene()
    scene.begin()
    scene.audio(100)
    scene.say("x" * 10)
    scene.passed(0)
    scene.audio(200)
    scene.say("x" * 10)
    scene.now += 0.04
    assert scene.block(1)
    scene.audio(300)
    scene.audio_done()
    scene.end("x" * 20)
    assert scene.heard == ["audio_start", 100, "audio_interrupted", "audio_stopped", "agent_end"]
    assert [event["type"] for event in scene.sent][:2] == [
        "response.cancel",
        "conversation.item.truncate",
    ]
    assert scene.cuts == [("a", 40)]
    assert scene.held.lost == 200


def test_a_trip_on_text_ends_the_sound_of_the_same_response():
    scene = Scene(hold=False)
    scene.begin()
    scene.audio(100)
    scene.say("x" * 10, kind="output_text")
    scene.block(0)
    scene.audio(100)
    assert scene.heard == ["audio_start", 100]
    assert scene.sent == [{"type": "response.cancel", "response_id": "r1"}]


def test_a_late_trip_silences_the_old_answer_and_leaves_the_new_one_alone():
    scene = Scene()
    scene.begin()
    scene.audio(500)
    scene.say("x" * 10)
    scene.passed(0)
    scene.audio(300)
    scene.end("x" * 11)
    scene.begin("r2")
    scene.audio(70, "r2", "b")
    scene.say("y" * 10, "r2", "b")
    scene.now += 0.2
    assert not scene.block(1)
    scene.passed(2)
    assert scene.heard == ["audio_start", 500, "agent_end", "audio_interrupted", "audio_start", 70]
    assert scene.cuts == [("a", 200)]
    assert "response.cancel" not in [event["type"] for event in scene.sent]


def test_a_late_trip_about_sound_that_was_heard_changes_nothing():
    scene = Scene(hold=False)
    scene.begin()
    scene.audio(100)
    scene.end("x" * 11)
    scene.now += 1.0
    scene.begin("r2")
    assert not scene.block(0)
    assert scene.heard == ["audio_start", 100, "agent_end"]
    assert scene.sent == []


@pytest.mark.parametrize("delivered", [False, True])
def test_an_interruption_cuts_at_what_was_delivered_and_played(delivered):
    scene = Scene()
    scene.begin()
    scene.audio(100)
    scene.say("x" * 10)
    if delivered:
        scene.now += 5.0
        scene.passed(0)
    scene.audio(400)
    scene.now += 0.03
    scene.interrupt()
    assert scene.cuts == [("a", 30 if delivered else 0)]
    assert scene.heard[-1] == "audio_interrupted"


def test_a_user_who_speaks_ends_an_answer_of_which_only_held_sound_is_left():
    scene = Scene()
    scene.begin()
    scene.audio(100)
    scene.say("x" * 10)
    scene.passed(0)
    scene.audio(400)
    scene.end("x" * 12)
    scene.now += 5.0
    scene.feed("input_audio_buffer.speech_started", item_id="u", audio_start_ms=0)
    assert scene.cuts == [("a", 100)]
    scene.passed(1)
    assert 400 not in scene.heard


def test_a_tracker_that_has_reported_nothing_gets_held_sound_cut_at_what_was_delivered():
    scene = Scene(tracker=PlaybackTracker())
    scene.begin()
    scene.audio(100)
    scene.say("x" * 10)
    scene.passed(0)
    scene.audio(400)
    scene.interrupt()
    assert scene.cuts == [("a", 100)]


def test_a_check_that_fails_frees_nothing_but_the_next_one_may():
    scene = Scene()
    scene.begin()
    scene.audio(100)
    scene.say("x" * 10)
    scene.passed(0, failed=True)
    scene.audio(200)
    scene.say("x" * 10)
    assert scene.heard == []
    scene.passed(1)
    assert scene.heard == ["audio_start", 100, 200]


@pytest.mark.parametrize("finish", ["said", "end"])
def test_what_the_last_check_failed_on_is_dropped_and_told(finish):
    scene = Scene()
    scene.begin()
    scene.audio(100)
    scene.say("x" * 10)
    scene.passed(0)
    scene.audio(200)
    scene.audio_done()
    getattr(scene, finish)("x" * 12)
    scene.passed(1, failed=True)
    assert scene.heard[-2:] == ["error", "audio_stopped"]
    assert 200 not in scene.heard
    assert scene.cuts == [("a", 100)]
    assert "not delivered" in str(scene.told[-2].error)


def test_what_the_last_check_failed_on_is_released_where_that_was_asked_for():
    scene = Scene(unchecked="release")
    scene.begin()
    scene.audio(200)
    scene.end("x" * 12)
    scene.passed(0, failed=True)
    assert scene.heard == ["agent_end", "audio_start", 200]


@pytest.mark.parametrize("unchecked", ["drop", "release"])
def test_sound_without_words_is_unchecked_sound(unchecked):
    scene = Scene(unchecked=unchecked)
    scene.begin()
    scene.audio(200)
    scene.end()
    released = ["audio_start", 200] if unchecked == "release" else []
    assert scene.checks == []
    assert scene.heard == ["agent_end", "error", *released]
    assert scene.cuts == ([] if released else [("a", 0)])


def test_every_item_of_a_response_is_checked_before_it_is_heard():
    scene = Scene(every=100)
    scene.begin()
    scene.say("first")
    scene.audio(100)
    scene.say("second", item="b")
    scene.audio(200, item="b")
    scene.end("first", "second", items="ab")
    assert sorted(check.text for check in scene.checks) == ["first", "second"]
    (second,) = [n for n, check in enumerate(scene.checks) if check.text == "second"]
    scene.passed(second)
    scene.passed(1 - second)
    assert scene.heard == ["agent_end", "audio_start", 100, 200]


def test_an_answer_that_outgrows_the_bound_ends_there():
    scene = Scene(max_held_ms=250)
    scene.begin()
    for _ in range(5):
        scene.audio(100)
    assert scene.heard == ["error"]
    assert [event["type"] for event in scene.sent] == [
        "response.cancel",
        "conversation.item.truncate",
    ]
    assert scene.cuts == [("a", 200)]
    assert (scene.held.size, scene.held.bound, scene.held.lost) == (200, 250, 300)
    scene.said("x" * 12)
    scene.passed(0)
    assert scene.heard == ["error", "audio_start", 100, 100]


def test_beyond_the_bound_the_oldest_goes_out_unchecked_where_that_was_asked_for():
    scene = Scene(max_held_ms=250, unchecked="release")
    scene.begin()
    for _ in range(5):
        scene.audio(100)
    assert scene.heard == ["audio_start", 100, 100, 100]
    assert scene.held.size == 200


def test_an_answer_of_the_old_agent_is_checked_to_its_end_after_a_handoff():
    scene = Scene()
    scene.begin()
    scene.audio(100)
    scene.conversation.check(Checking(hold=True))
    scene.audio(200)
    scene.say("x" * 10)
    assert scene.heard == []
    scene.passed(0)
    assert scene.heard == ["audio_start", 100, 200]


def test_an_unguarded_answer_waits_for_the_guarded_one_before_it():
    scene = Scene()
    scene.begin()
    scene.audio(100)
    scene.end("x" * 10)
    scene.conversation.check(Checking(hold=True))
    scene.begin("r2")
    scene.audio(200, "r2", "b")
    assert scene.heard == ["agent_end"]
    scene.passed(0)
    assert scene.heard == ["agent_end", "audio_start", 100, "audio_start", 200]


def test_each_piece_tells_how_long_it_waited():
    scene = Scene()
    scene.begin()
    scene.audio(100)
    scene.now += 0.25
    scene.say("x" * 10)
    scene.now += 0.5
    scene.passed(0)
    (piece,) = [event for event in scene.told if event.type == "audio"]
    assert piece.held_ms == pytest.approx(750)


def test_a_lost_connection_leaves_nothing_behind():
    scene = Scene()
    scene.begin()
    scene.audio(100)
    scene.say("x" * 10)
    scene.conversation.disconnected()
    scene.passed(0)
    assert scene.heard == []
    assert (scene.held.size, scene.held.lost) == (0, 100)


def test_a_broken_connection_drops_what_waits_and_lets_what_was_delivered_play_on():
    scene = Scene()
    scene.begin()
    scene.audio(100)
    scene.say("x" * 10)
    scene.passed(0)
    scene.audio(200)
    scene.conversation.suspend()
    scene.now += 0.04
    scene.interrupt()
    assert scene.cuts == [("a", 40)]
    assert 200 not in scene.heard


@st.composite
def stories(draw: st.DrawFn) -> list[tuple[str, int]]:
    """Deltas of sound and words of one item, and verdicts about checks that are out."""
    step = st.tuples(
        st.sampled_from(["audio", "say", "say", "pass", "fail", "block"]), st.integers(1, 15)
    )
    return draw(st.lists(step, max_size=40))


@given(stories())
def test_nothing_is_heard_before_a_check_of_what_it_says_has_passed(story):
    scene = Scene()
    scene.begin()
    words, sound = 0, 0
    at_check: list[int] = []  # milliseconds that had arrived with the text of each check
    verdicts: dict[int, bool] = {}
    tripped = False
    for kind, size in story:
        if kind == "audio":
            scene.audio(size)
            sound += size
        elif kind == "say":
            words += size
            scene.say("x" * size)
        else:
            out = [n for n in range(len(scene.checks)) if n not in verdicts]
            if not out:
                continue
            number = out[size % len(out)]
            verdicts[number] = kind == "pass"
            if kind == "block":
                if not tripped:
                    scene.block(number)
                tripped = True
            elif not tripped:
                scene.passed(number, failed=kind == "fail")
        at_check += [sound] * (len(scene.checks) - len(at_check))
        settled = 0
        while settled in verdicts:
            settled += 1
        free = max((at_check[n] for n in range(settled) if verdicts[n]), default=0)
        heard = sum(each for each in scene.heard if isinstance(each, int))
        if tripped:
            assert heard <= free
        else:
            assert heard == free
