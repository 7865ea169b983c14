"""The user's sound, on its way into items."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from rtaudio.audio import AudioFormat
from rtaudio.conversation.retention import AudioRetention
from rtaudio.conversation.sent_sound import SentSound
from rtaudio.conversation.sound_store import SoundStore, SoundTally

if TYPE_CHECKING:
    from rtaudio.conversation.sound import Sound

WIRE = AudioFormat("pcm16", 24000)


class Line:
    """Somebody who sends a ramp in pieces of 20 ms: each sample is its own position."""

    def __init__(self, *, detects: bool = True, codec: str = "pcm16") -> None:
        self.store = SoundStore(AudioRetention(codec), [], SoundTally())  # type: ignore[arg-type]
        self.sent = SentSound(self.store, WIRE)
        self.sent.detects(detects)
        self.position = 0
        self.now = 100.0

    def say(self, ms: int, piece_ms: int = 20) -> None:
        for _ in range(0, ms, piece_ms):
            count = piece_ms * 24
            ramp = np.arange(self.position, self.position + count).astype(np.uint16)
            self.position += count
            self.now += piece_ms / 1000
            self.sent.append(ramp.tobytes(), WIRE, self.now)

    def heard(self, item_id: str) -> tuple[int, int] | None:
        """From which to which sample the item's sound goes."""
        sound = self.store.get(item_id, 0)
        clip = None if sound is None else sound.clip()
        if clip is None or not len(clip.samples):
            return None
        ramp = clip.samples.view(np.uint16)
        assert np.all(np.diff(ramp) == 1)
        # Samples wrap around, and the time tells how often they did.
        first = int(ramp[0])
        while (first + 40_000) / 24_000 < self.sound(item_id).timeline[0].start_s - 100:
            first += 65_536
        return first, first + len(ramp)

    def sound(self, item_id: str) -> Sound:
        sound = self.store.get(item_id, 0)
        assert sound is not None
        return sound

    @property
    def remembered(self) -> int:
        return len(self.sent._recent)


class TestDetectedTurns:
    def test_an_item_has_what_lies_between_the_marks_to_a_sample(self) -> None:
        line = Line()
        line.say(2000)
        line.sent.speech_started("u", 1234)
        line.say(1000)
        line.sent.speech_stopped("u", 2501)
        line.say(200)
        line.sent.committed("u")
        line.say(500)
        assert line.heard("u") == (1234 * 24, 2501 * 24)
        sound = line.sound("u")
        assert sound.finished
        assert sound.timeline[0].start_s == pytest.approx(101.234)

    def test_the_end_may_lie_in_what_is_not_sent_yet(self) -> None:
        line = Line()
        line.say(1000)
        line.sent.speech_started("u", 0)
        line.sent.speech_stopped("u", 1500)
        line.say(1000)
        assert line.heard("u") == (0, 1500 * 24)

    def test_speech_that_goes_on_after_a_pause_is_one_item(self) -> None:
        line = Line()
        line.say(1000)
        line.sent.speech_started("u", 200)
        line.say(500)
        line.sent.speech_stopped("u", 1300)
        line.say(2000)
        line.sent.speech_started("u", 3000)
        line.say(500)
        line.sent.speech_stopped("u", 3900)
        line.sent.committed("u")
        assert line.heard("u") == (200 * 24, 3900 * 24)

    def test_turns_follow_each_other(self) -> None:
        line = Line()
        for number in range(5):
            start = number * 3000
            line.say(1500)
            line.sent.speech_started(f"u{number}", start + 1000)
            line.say(1000)
            line.sent.speech_stopped(f"u{number}", start + 2400)
            line.sent.committed(f"u{number}")
            line.say(500)
        assert [line.heard(f"u{n}") for n in range(5)] == [
            ((n * 3000 + 1000) * 24, (n * 3000 + 2400) * 24) for n in range(5)
        ]

    def test_where_the_service_never_commits_the_next_turn_ends_the_last(self) -> None:
        line = Line()
        line.say(1000)
        line.sent.speech_started("u", 0)
        line.sent.speech_stopped("u", 900)
        line.say(1000)
        line.sent.speech_started("v", 1500)
        sound = line.sound("u")
        assert sound.finished
        assert line.heard("u") == (0, 900 * 24)

    def test_silence_is_let_go_after_a_while(self) -> None:
        line = Line()
        line.say(60_000)
        assert 10 * 48_000 <= line.remembered <= 11 * 48_000
        assert line.store.bytes_held == 0
        line.sent.speech_started("u", 45_000)  # too late by far
        line.say(20)
        first, last = line.heard("u") or (0, 0)
        assert last == line.position
        assert 10 * 24_000 <= last - first <= 11 * 24_000

    def test_a_recording_that_is_sent_at_once_is_remembered_as_a_whole(self) -> None:
        line = Line()
        line.say(60_000, piece_ms=60_000)
        line.sent.speech_started("u", 500)
        line.sent.speech_stopped("u", 58_000)
        line.sent.committed("u")
        assert line.heard("u") == (500 * 24, 58_000 * 24)
        line.say(20)
        assert line.remembered <= 2 * 48_000 + 960

    def test_what_is_sent_faster_than_spoken_is_bounded_too(self) -> None:
        line = Line()
        for _ in range(10):
            line.say(60_000, piece_ms=60_000)
            line.now -= 60
        assert line.remembered == 300 * 48_000

    def test_a_commit_of_our_own_ends_speech(self) -> None:
        line = Line()
        line.say(1000)
        line.sent.speech_started("u", 400)
        line.say(600)
        line.sent.commit()
        line.say(300)
        line.sent.committed("u")
        line.say(300)
        assert line.heard("u") == (400 * 24, 1600 * 24)

    def test_a_commit_without_speech_takes_all_that_no_item_has(self) -> None:
        line = Line()
        line.say(1000)
        line.sent.speech_started("u", 0)
        line.sent.speech_stopped("u", 800)
        line.sent.committed("u")
        line.say(500)
        line.sent.commit()
        line.say(500)
        line.sent.committed("v")
        assert line.heard("v") == (800 * 24, 1500 * 24)

    def test_the_silence_of_a_timeout_becomes_an_item(self) -> None:
        line = Line()
        line.say(5000)
        line.sent.timed_out("t", 1000, 4000)
        line.sent.committed("t")
        assert line.heard("t") == (1000 * 24, 4000 * 24)

    def test_cleared_speech_is_no_item(self) -> None:
        line = Line()
        line.say(1000)
        line.sent.speech_started("u", 0)
        line.sent.clear()
        assert line.store.get("u", 0) is None
        assert line.store.bytes_held == 0

    def test_events_about_unknown_items_change_nothing(self) -> None:
        line = Line()
        line.say(1000)
        line.sent.speech_stopped("?", 500)
        line.sent.commit_refused()
        line.sent.speech_started("u", 5000)  # further than anything that was sent
        line.say(20)
        assert line.heard("u") == (24_000, 24_480)

    def test_a_pause_in_sending_is_a_gap_in_the_timeline(self) -> None:
        line = Line()
        line.say(500)
        line.now += 30
        line.say(500)
        line.sent.speech_started("u", 100)
        line.say(100)
        line.now += 1
        line.say(100)
        sound = line.sound("u")
        assert [mark.position for mark in sound.timeline] == [0, 400 * 24, 1000 * 24]
        starts = [mark.start_s for mark in sound.timeline]
        assert starts == pytest.approx([100.1, 130.5, 132.1])


class TestTurnsByCommit:
    def test_an_item_has_what_was_sent_since_the_last_commit(self) -> None:
        line = Line(detects=False)
        line.say(1000)
        line.sent.commit()
        line.say(300)
        line.sent.committed("u")
        line.say(700)
        line.sent.commit()
        line.sent.committed("v")
        line.say(20)
        assert line.heard("u") == (0, 24_000)
        assert line.heard("v") == (24_000, 48_000)

    def test_commits_may_run_ahead_of_their_answers(self) -> None:
        line = Line(detects=False)
        for _ in range(4):
            line.say(1000)
            line.sent.commit()
        line.say(500)
        for number in range(4):
            line.sent.committed(f"u{number}")
        line.sent.commit()
        line.sent.committed("last")
        heard = [line.heard(f"u{n}") for n in range(4)]
        assert heard == [(n * 24_000, (n + 1) * 24_000) for n in range(4)]
        assert line.heard("last") == (4 * 24_000, 4 * 24_000 + 12_000)

    def test_a_refused_commit_leaves_its_sound_to_the_next(self) -> None:
        line = Line(detects=False)
        line.say(80)
        line.sent.commit()
        line.say(40)
        line.sent.commit_refused()
        line.say(500)
        line.sent.commit()
        line.sent.committed("u")
        assert line.heard("u") == (0, 620 * 24)
        line.sent.commit()  # of nothing
        line.say(200)
        line.sent.commit_refused()
        line.sent.commit()
        line.sent.committed("v")
        assert line.heard("v") == (620 * 24, 820 * 24)

    def test_of_two_commits_the_first_may_be_refused(self) -> None:
        line = Line(detects=False)
        line.say(60)
        line.sent.commit()
        line.say(400)
        line.sent.commit()
        line.say(100)
        line.sent.commit_refused()
        line.sent.committed("u")
        assert line.heard("u") == (0, 460 * 24)

    def test_what_was_refused_and_then_cleared_is_gone(self) -> None:
        line = Line(detects=False)
        line.say(60)
        line.sent.commit()
        line.sent.clear()
        line.say(400)
        line.sent.commit_refused()
        line.sent.commit()
        line.sent.committed("u")
        assert line.heard("u") == (60 * 24, 460 * 24)

    def test_cleared_sound_is_no_item(self) -> None:
        line = Line(detects=False)
        line.say(1000)
        line.sent.clear()
        assert line.store.bytes_held == 0
        line.say(500)
        line.sent.commit()
        line.sent.clear()
        line.say(100)
        line.sent.committed("u")
        line.sent.commit()
        line.sent.committed("v")
        assert line.heard("u") == (24_000, 36_000)
        assert line.heard("v") == (36_000, 38_400)

    def test_nothing_waits_beside_the_sound_that_grows(self) -> None:
        line = Line(detects=False)
        line.say(30_000)
        assert line.remembered == 0
        assert line.store.ms_held == 30_000

    def test_opus_is_encoded_as_it_is_sent(self) -> None:
        line = Line(detects=False, codec="opus")
        line.say(10_000)
        assert 20_000 < line.store.bytes_held < 40_000
        line.sent.commit()
        line.sent.committed("u")
        sound = line.sound("u")
        assert sound.samples == 240_000

    def test_what_nobody_committed_goes_with_the_connection(self) -> None:
        line = Line(detects=False)
        line.say(1000)
        line.sent.end()
        assert (line.store.bytes_held, list(line.store)) == (0, [])

    def test_speech_that_is_reported_all_the_same_is_believed(self) -> None:
        line = Line(detects=False)
        line.say(1000)
        line.sent.speech_started("u", 1000)
        line.say(500)
        line.sent.speech_stopped("u", 1400)
        line.sent.committed("u")
        assert line.heard("u") == (24_000, 1400 * 24)


def test_a_telephone_line_is_counted_in_its_own_samples() -> None:
    store = SoundStore(AudioRetention(), [], SoundTally())
    wire = AudioFormat("pcmu", 8000)
    sent = SentSound(store, wire)
    sent.append(bytes(range(256)) * 40, wire, 10.0)
    sent.speech_started("u", 10)
    sent.speech_stopped("u", 42)
    sound = store.get("u", 0)
    assert sound is not None
    assert (sound.samples, sound.sample_rate) == (256, 8000)


def test_the_count_goes_on_where_the_format_changes() -> None:
    line = Line()
    line.say(1000)
    line.sent.speech_started("u", 0)
    other = AudioFormat("pcmu", 8000)
    line.sent.append(bytes([7]) * 8000, other, line.now + 1)
    line.sent.speech_started("v", 1500)
    line.sent.speech_stopped("v", 1900)
    assert line.heard("u") == (0, 24_000)
    sound = line.sound("v")
    assert (sound.samples, sound.sample_rate) == (3200, 8000)


def test_pieces_may_end_in_the_middle_of_a_sample() -> None:
    store = SoundStore(AudioRetention(), [], SoundTally())
    sent = SentSound(store, WIRE)
    data = np.arange(24_000, dtype=np.uint16).tobytes()
    for start in range(0, len(data), 777):
        sent.append(data[start : start + 777], WIRE, 10.0 + start / 48_000)
    sent.speech_started("u", 100)
    sent.speech_stopped("u", 900)
    sound = store.get("u", 0)
    assert sound is not None
    clip = sound.clip()
    assert clip is not None
    assert clip.samples.tobytes() == data[4800:43_200]
