"""The jitter buffer against models of what it must do, on networks made by hand and by chance."""

from __future__ import annotations

import copy
import math
import threading
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rtaudio.audio import JitterBuffer, JitterStats, OpusEncoder, Playout
from rtaudio.errors import AudioError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rtaudio.audio import Samples

FRAME = 160  # 20 ms of mu-law
FRAME_S = 0.02


def payload(number: int) -> bytes:
    """A packet that tells its number."""
    return number.to_bytes(4, "big") * (FRAME // 4)


def number_of(playout: Playout) -> int:
    assert playout.packet is not None
    return int.from_bytes(playout.packet[:4], "big")


class Line:
    """A sender, and a player that asks every 20 ms, two milliseconds after the packets."""

    def __init__(
        self, buffer: JitterBuffer | None = None, sequence: int = 0, timestamp: int = 0
    ) -> None:
        self.buffer = JitterBuffer("pcmu", initial_delay_ms=40) if buffer is None else buffer
        self.sequence, self.timestamp = sequence, timestamp
        self.played: list[Playout] = []

    def push(self, number: int, arrival_s: float, ssrc: int | None = None) -> bool:
        return self.buffer.push(
            payload(number),
            arrival_s,
            (self.sequence + number) & 0xFFFF,
            (self.timestamp + number * FRAME) & 0xFFFFFFFF,
            ssrc,
        )

    def run(
        self, arrivals: Iterable[tuple[float, int]], until_s: float, start_s: float = 0
    ) -> None:
        waiting = sorted(arrivals)
        for tick in range(round(start_s / FRAME_S), round(until_s / FRAME_S)):
            now_s = tick * FRAME_S + 0.002
            while waiting and waiting[0][0] <= now_s:
                arrival_s, number = waiting.pop(0)
                self.push(number, arrival_s)
            self.played.append(self.buffer.pull(now_s))

    @property
    def numbers(self) -> list[int]:
        return [number_of(each) for each in self.played if each.kind == "packet"]

    @property
    def kinds(self) -> str:
        """One letter for each turn, from the first packet to the last."""
        letters = "".join(each.kind[0] for each in self.played)
        return letters.strip("s")[: letters.strip("s").rindex("p") + 1]


def on_time(count: int, first: int = 0) -> list[tuple[float, int]]:
    return [(number * FRAME_S, number) for number in range(first, first + count)]


# --- what must hold whatever a network does -------------------------------------------------------


class AnyNetwork(RuleBasedStateMachine):
    """Packets are sent, travel, arrive in any order, are lost or doubled; somebody plays them."""

    @initialize(
        sequence=st.integers(0, 0xFFFF),
        timestamp=st.integers(0, 0xFFFFFFFF),
        overflow=st.sampled_from(["drop_oldest", "drop_newest"]),
        live=st.booleans(),
        capacity=st.integers(2, 12),
    )
    def start(self, sequence, timestamp, overflow, live, capacity):
        self.line = Line(
            JitterBuffer("pcmu", overflow=overflow, live=live, capacity=capacity),
            sequence,
            timestamp,
        )
        self.buffer = self.line.buffer
        self.now = 100.0
        self.sent = 0
        self.travelling: list[int] = []
        self.arrived: set[int] = set()
        self.kept: set[int] = set()
        self.played: list[int] = []

    @rule(count=st.integers(1, 3))
    def send(self, count):
        self.travelling += range(self.sent, self.sent + count)
        self.sent += count

    @rule(by=st.sampled_from([0.0, 0.003, 0.02, 0.02, 0.3]))
    def wait(self, by):
        self.now += by

    @precondition(lambda self: self.travelling)
    @rule(data=st.data(), doubled=st.booleans(), next_one=st.booleans())
    def arrive(self, data, doubled, next_one):
        at = 0 if next_one else data.draw(st.integers(0, min(len(self.travelling), 5) - 1))
        number = self.travelling[at] if doubled else self.travelling.pop(at)
        before = self.buffer.stats
        kept = self.line.push(number, self.now)
        after = self.buffer.stats
        if number in self.kept:
            assert not kept
            assert after.duplicated + after.late == before.duplicated + before.late + 1
        elif self.played and number < max(self.played):
            assert not kept
        elif kept:
            self.kept.add(number)
        else:
            assert after.discarded + after.late + after.duplicated > (
                before.discarded + before.late + before.duplicated
            )
        self.arrived.add(number)

    @precondition(lambda self: self.travelling)
    @rule()
    def lose(self):
        self.travelling.pop(0)

    @rule(by=st.sampled_from([0.0, 0.02, 0.02, 0.02]))
    def play(self, by):
        self.now += by
        playout = self.buffer.pull(self.now)
        assert playout.ticks == FRAME
        if playout.kind == "packet":
            number = number_of(playout)
            assert playout.packet == payload(number)
            assert number in self.kept
            assert not self.played or number > self.played[-1]
            self.played.append(number)
        else:
            assert playout.packet is None

    @invariant()
    def everything_is_accounted_for(self):
        if not hasattr(self, "buffer"):
            return
        stats = self.buffer.stats
        assert stats.received == (
            stats.played + stats.duplicated + stats.late + stats.discarded + len(self.buffer)
        )
        assert stats.played == len(self.played)
        assert stats.malformed == stats.recovered == 0
        assert 0 <= len(self.buffer) <= self.buffer.capacity
        assert stats.lost >= 0

    def teardown(self):
        if not hasattr(self, "buffer"):
            return
        for _ in range(200):  # what is held gets played, or is counted as left out
            self.play(0.02)
        assert len(self.buffer) == 0


TestAnyNetwork = AnyNetwork.TestCase
TestAnyNetwork.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)


@settings(max_examples=200, deadline=None)
@given(
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
    delays=st.lists(st.one_of(st.none(), st.integers(0, 38)), min_size=30, max_size=120),
)
def test_everything_that_comes_in_time_is_played_and_each_loss_conceals_one_frame(
    sequence: int, timestamp: int, delays: list[int | None]
) -> None:
    """Delays in ms, all within what is held back; None is lost. Numbers begin anywhere."""
    delays = [0, *delays, 0]
    line = Line(JitterBuffer("pcmu", min_delay_ms=40, initial_delay_ms=40), sequence, timestamp)
    arrivals = [
        (number * FRAME_S + delay / 1000, number)
        for number, delay in enumerate(delays)
        if delay is not None
    ]
    line.run(arrivals, (len(delays) + 4) * FRAME_S)
    expected = ["p" if delay is not None else "c" for delay in delays]
    # Eight lost in a row are more than are concealed; what is beyond is silence.
    run = 0
    for number, delay in enumerate(delays):
        run = 0 if delay is not None else run + 1
        if run > 6:
            expected[number] = "s"
    assert line.kinds == "".join(expected)
    assert line.numbers == sorted(number for _, number in arrivals)
    stats = line.buffer.stats
    assert stats.lost == delays.count(None)
    assert stats.late == stats.discarded == stats.duplicated == 0
    assert stats.played == len(arrivals)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["push", "push", "pull", "end", "reset"]),
            st.integers(0, 0xFFFF),
            st.integers(0, 0xFFFFFFFF),
            st.one_of(st.none(), st.integers(0, 3)),
            st.floats(-1e10, 1e10, allow_nan=False),
            st.binary(max_size=200),
        ),
        max_size=60,
    ),
    st.sampled_from(["opus", "pcmu", "pcm16"]),
)
def test_no_numbers_times_or_bytes_harm_it(operations, encoding: str) -> None:
    buffer = JitterBuffer(encoding, 24000 if encoding == "pcm16" else None, capacity=4)
    for what, sequence, timestamp, ssrc, at_s, data in operations:
        if what == "push":
            buffer.push(data, at_s, sequence, timestamp, ssrc)
        elif what == "pull":
            assert buffer.pull(at_s).ticks > 0
        elif what == "end":
            buffer.end_utterance()
        else:
            buffer.reset()
        stats = buffer.stats
        assert stats.received == (
            stats.played + stats.duplicated + stats.late + stats.discarded + len(buffer)
        )
        assert 0 <= len(buffer) <= 4
        assert 10 <= buffer.target_ms <= 500


# --- loss, lateness, order ------------------------------------------------------------------------


def test_one_lost_packet_is_one_concealed_frame_and_no_stall() -> None:
    line = Line()
    line.run([each for each in on_time(50) if each[1] != 20], 1.04)
    assert line.kinds == "p" * 20 + "c" + "p" * 29
    assert line.buffer.stats.lost == 1
    assert line.buffer.stats.concealed == 1
    assert line.buffer.stats.concealed_ms == 20


def test_a_loss_that_an_empty_buffer_shows_costs_one_frame_too() -> None:
    line = Line(JitterBuffer("pcmu", min_delay_ms=0, initial_delay_ms=0))
    line.run([each for each in on_time(50) if each[1] != 20], 1.0)
    assert line.kinds == "p" * 20 + "c" + "p" * 29
    assert line.numbers[-1] == 49
    assert line.buffer.stats.delay_ms == 2
    assert line.buffer.stats.lost == 1


def test_a_packet_that_was_concealed_and_comes_late_is_dropped_where_the_delay_suffices() -> None:
    line = Line()
    line.run(on_time(200), 4.0)
    before = line.buffer.stats
    assert (before.delay_ms, before.target_ms) == (22, 10)
    line.run([(4.03, 200), *on_time(30, 201)], 4.62, 4.0)
    after = line.buffer.stats
    assert after.concealed == 1
    assert after.late == 1
    assert 200 not in line.numbers
    assert after.lost == 0
    assert after.delay_ms == 22


def test_a_packet_that_comes_when_its_place_is_over_is_late_and_no_longer_lost() -> None:
    line = Line()
    line.run([each for each in on_time(50) if each[1] != 20], 1.0)
    assert line.buffer.stats.lost == 1
    assert not line.push(20, 1.0)
    assert not line.push(20, 1.0)
    stats = line.buffer.stats
    assert (stats.lost, stats.late, stats.duplicated) == (0, 1, 1)


def test_after_a_stall_the_sound_goes_on_where_it_stopped() -> None:
    line = Line()
    line.run(on_time(50), 1.0)
    held_up = [(max(arrival_s, 1.3), number) for arrival_s, number in on_time(50, 50)]
    line.run(held_up, 2.6, 1.0)
    assert line.numbers == list(range(100))
    assert line.buffer.stats.lost == line.buffer.stats.late == 0
    assert "cccccc" in line.kinds  # then silence, and on it goes
    assert line.kinds.count("c") == 6


def test_sound_that_lies_too_far_behind_is_skipped() -> None:
    line = Line(JitterBuffer("pcmu", max_delay_ms=200))
    line.run(on_time(50), 1.0)
    held_up = [(max(arrival_s, 2.0), number) for arrival_s, number in on_time(100, 50)]
    line.run(held_up, 3.4, 1.0)
    assert line.numbers[-1] == 149
    skipped = 150 - len(line.numbers)
    assert 25 < skipped < 50
    assert line.buffer.stats.discarded == skipped
    delays = []
    for at_s in (5.0, 5.1, 5.2):  # and again: from the first packet on
        for number in range(200, 250):
            line.push(number, at_s)
        line.buffer.pull(at_s)
        delays.append(line.buffer.stats.delay_ms)
    assert max(delays) <= 200


def test_a_reordered_packet_is_played_in_its_place() -> None:
    line = Line()
    arrivals = on_time(30)
    arrivals[10], arrivals[11] = (0.22, 10), (0.2, 11)
    line.run(arrivals, 0.7)
    assert line.kinds == "p" * 30
    assert line.numbers == list(range(30))
    assert line.buffer.stats.reordered == 1


def test_what_was_sent_before_the_first_that_arrived_is_played_if_it_comes_in_time() -> None:
    line = Line()
    line.run([(0.02, 1), (0.025, 0), *on_time(10, 2)], 0.4)
    assert line.numbers == list(range(12))


def test_doubled_packets_are_played_once() -> None:
    line = Line()
    line.run(on_time(30) + [(at_s + 0.03, number) for at_s, number in on_time(30)], 1.0)
    assert line.numbers == list(range(30))
    assert line.buffer.stats.duplicated == 30


@pytest.mark.parametrize("ticks", [80, 320, 480])
def test_frames_of_other_lengths_are_concealed_in_full(ticks: int) -> None:
    buffer = JitterBuffer("pcmu", initial_delay_ms=60, min_delay_ms=60)
    played = Counter[str]()
    due = 0.0
    for tick in range(400):
        now_s = tick * 0.005
        number, offset = divmod(tick * 40, ticks)
        if offset == 0 and number != 12:
            buffer.push(bytes(ticks), now_s, number, number * ticks)
        if now_s >= due:
            playout = buffer.pull(now_s)
            played[playout.kind] += playout.ticks
            due += playout.ticks / 8000
    assert played["conceal"] == ticks
    assert buffer.stats.lost == 1


# --- restarts, pauses -----------------------------------------------------------------------------


def test_numbers_may_wrap_around() -> None:
    line = Line(sequence=65530, timestamp=2**32 - 5 * FRAME)
    line.run(on_time(40), 0.9)
    assert line.kinds == "p" * 40
    assert line.numbers == list(range(40))
    assert line.buffer.stats.restarts == 0


@pytest.mark.parametrize(
    ("sequence", "timestamp", "ssrc"), [(30000, 77, None), (20, 5, 9), (3, 2**31, 9)]
)
def test_a_sender_that_begins_anew_is_followed(
    sequence: int, timestamp: int, ssrc: int | None
) -> None:
    line = Line()
    for at_s, number in on_time(20):
        line.push(number, at_s, 1 if ssrc else None)
        line.played.append(line.buffer.pull(at_s + 0.0005))
    line.sequence, line.timestamp = sequence - 20, timestamp - 20 * FRAME
    for at_s, number in on_time(30, 20):
        line.push(number, at_s, ssrc)
        line.played.append(line.buffer.pull(at_s + 0.0005))
    stats = line.buffer.stats
    assert stats.restarts == 1
    # Without a source to tell, the first packet is taken for a stray one.
    assert stats.discarded == (0 if ssrc else 1)
    assert [n for n in range(48) if n not in line.numbers] == ([] if ssrc else [20])
    assert stats.lost == 0


def test_a_stray_number_is_no_restart() -> None:
    line = Line()
    line.run(on_time(20), 0.4)
    line.buffer.push(payload(7), 0.4, 40000, 1)
    line.run(on_time(20, 20), 0.9, 0.4)
    assert line.numbers == list(range(40))
    assert line.buffer.stats.restarts == 0
    assert line.buffer.stats.discarded == 1


@pytest.mark.parametrize("timestamp", [1_000_000_000, 2**32 - 1_000_000])
def test_a_timestamp_that_jumps_does_not_stop_the_sound(timestamp: int) -> None:
    line = Line()
    line.run(on_time(20), 0.4)
    line.timestamp = timestamp
    line.run(on_time(30, 20), 1.1, 0.4)
    assert line.numbers == list(range(50))
    assert "s" not in line.kinds
    assert line.kinds.count("c") <= 2
    assert line.buffer.stats.restarts == 1


def test_a_pause_of_the_sender_is_silence_not_loss() -> None:
    """Timestamps go on, sequence numbers do not: discontinuous transmission."""
    line = Line()
    line.run(on_time(20), 0.46)
    # The pause shows once the next packet is there; until then something is concealed.
    line.timestamp = 50 * FRAME
    pause = [(number * FRAME_S + 1.0, number) for number in range(20, 40)]
    line.run(pause, 2.0, 0.46)
    assert line.numbers == list(range(40))
    assert line.buffer.stats.lost == 0
    assert line.kinds.count("c") <= 6
    assert line.buffer.stats.delay_ms == pytest.approx(line.buffer.target_ms, abs=25)


def test_opus_that_pauses_is_comfort_noise_and_nothing_is_concealed(speech: Samples) -> None:
    encoder = OpusEncoder(24000, dtx=True)
    sound = np.concatenate([speech[:24000], np.zeros(48000, np.int16), speech[:24000]])
    packets = [encoder.encode(frame) for frame in sound.reshape(-1, 480)]
    buffer = JitterBuffer("opus", initial_delay_ms=40, min_delay_ms=40)
    sequence, kinds = 0, Counter[str]()
    for number, packet in enumerate(packets):
        if len(packet) > 2 or (number and len(packets[number - 1]) > 2):
            buffer.push(packet, number * FRAME_S, sequence, number * 960)
            sequence += 1
        kinds[buffer.pull(number * FRAME_S + 0.0005).kind] += 1
    assert sequence < 150
    assert kinds["comfort"] > 50
    assert kinds["conceal"] == 0
    assert buffer.stats.lost == buffer.stats.late == 0


def test_the_end_of_an_utterance_is_silence_not_loss() -> None:
    buffer = JitterBuffer("pcmu", initial_delay_ms=40)
    kinds = ""
    for tick in range(300):
        now_s = tick * FRAME_S
        if tick % 100 < 50:
            buffer.push(payload(tick), now_s)
        if tick % 100 == 49:
            buffer.end_utterance()
        kinds += buffer.pull(now_s + 0.0005).kind[0]
    assert kinds.count("p") == 150
    assert "c" not in kinds
    assert buffer.stats.delay_ms < 50  # a pause is no delay


@pytest.mark.parametrize(("pause", "told"), [(15, True), (15, False), (100, False)])
def test_a_pause_is_no_delay_where_it_is_told_or_long(pause: int, told: bool) -> None:
    buffer = JitterBuffer("pcmu", initial_delay_ms=40)
    for tick in range(10 * (50 + pause)):
        now_s = tick * FRAME_S
        if tick % (50 + pause) < 50:
            buffer.push(payload(tick), now_s)
        elif told:
            buffer.end_utterance()
        buffer.pull(now_s + 0.002)
    # A short one that nobody told of looks like a stall.
    assert buffer.target_ms == (10 if told or pause > 25 else 301)


def test_a_delay_that_is_much_too_long_is_not_shed_in_one_piece() -> None:
    line = Line(JitterBuffer("pcmu", initial_delay_ms=300))
    line.run(on_time(200), 4.2)
    left_out = sorted(set(range(200)) - set(line.numbers))
    assert len(left_out) == pytest.approx((300 - line.buffer.stats.delay_ms) / 20, abs=1)
    assert min(np.diff(left_out)) >= 5


def test_sound_without_numbers_is_cut_and_comes_out_whole() -> None:
    buffer = JitterBuffer("pcm16", 24000, 2, initial_delay_ms=0, live=False)
    sound = np.arange(2 * 24000).astype(np.int16)
    for part in np.split(sound, [2 * 1000, 2 * 1001, 2 * 9999]):
        assert buffer.push(part.reshape(-1, 2), 1.0)
    assert len(buffer) == 3 + 1 + 19 + 30
    parts = []
    while (playout := buffer.pull(1.0)).kind == "packet":
        assert 0 < playout.ticks <= 480
        parts.append(playout.packet)
    assert b"".join(parts) == sound.tobytes()


# --- the delay ------------------------------------------------------------------------------------


def model_target(delays_ms: list[float], late_share: float = 0.02, memory_s: float = 4) -> float:
    """The delay that all but a share of the packets stayed below, old packets counting less."""
    weights = [math.exp(-FRAME_S * age / memory_s) for age in range(len(delays_ms))][::-1]
    allowed = late_share * sum(weights)
    beyond = 0.0
    for delay, weight in sorted(zip(delays_ms, weights, strict=True), reverse=True):
        beyond += weight
        if beyond > allowed:
            return delay
    return 0.0


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([1, 20, 60, 300]), st.integers(60, 400))
@example(1, 60, 20_000)
def test_the_target_is_the_quantile_of_the_delays(seed: int, spread_ms: int, count: int) -> None:
    delays = np.random.default_rng(seed).exponential(spread_ms / 3, count)
    delays[0] = 0
    delays[np.arange(count) % 300 == 0] = 0  # so that the quickest packet stays the measure
    delays = [round(min(delay, 490), 3) for delay in delays.tolist()]
    line = Line(JitterBuffer("pcmu", min_delay_ms=0, initial_delay_ms=0, late_share=0.05))
    for number, delay in enumerate(delays):
        line.push(number, number * FRAME_S + delay / 1000)
    expected = model_target(delays[-3000:], 0.05)
    assert line.buffer.target_ms == pytest.approx(expected, abs=1.1)


def test_the_delay_grows_with_jitter_at_once_and_comes_back_slowly() -> None:
    line = Line()
    random = np.random.default_rng(3)
    line.run(on_time(500), 10.0)
    calm = line.buffer.target_ms
    assert calm == 10
    rough = [(at_s + random.uniform(0, 0.08), number) for at_s, number in on_time(500, 500)]
    line.run(rough, 20.0, 10.0)
    assert 70 <= line.buffer.target_ms <= 81
    assert 70 <= line.buffer.stats.delay_ms <= 110
    # Two seconds in, nothing was late any more.
    assert line.kinds[620:980].count("c") <= 360 * 0.03
    line.run(on_time(2000, 1000), 60.0, 20.0)
    assert line.buffer.target_ms == calm
    assert line.buffer.stats.delay_ms <= calm + 25
    assert line.kinds[1010:].count("c") == 0
    # Shortening leaves out whole packets here, as many as the delay fell by.
    assert line.buffer.stats.shortened_ms == 20 * line.buffer.stats.discarded > 40


def test_a_stray_late_packet_moves_nothing_for_long() -> None:
    line = Line()
    line.run(on_time(500), 10.0)
    line.run([(10.1, 500), *on_time(500, 501)], 20.0, 10.0)
    assert line.buffer.target_ms == 10
    assert line.kinds[500:].count("c") <= 6


def test_fec_is_waited_for_where_packets_are_lost_often(speech: Samples) -> None:
    encoder = OpusEncoder(24000, bitrate=32000, fec=True)
    packets = [encoder.encode(frame) for frame in np.tile(speech, 10).reshape(-1, 480)]
    lost = np.random.default_rng(5).random(len(packets)) < 0.08
    buffer = JitterBuffer("opus", min_delay_ms=0)
    for number, packet in enumerate(packets):
        if not lost[number]:
            buffer.push(packet, number * FRAME_S, number, number * 960)
        playout = buffer.pull(number * FRAME_S + 0.0005)
        if playout.kind == "fec":
            assert playout.packet == buffer.pull(number * FRAME_S + 0.0005).packet
            buffer.pull(number * FRAME_S + 0.0005)
    assert buffer.stats.recovered > 0.5 * buffer.stats.lost


@pytest.mark.parametrize("drift", [1 - 3e-4, 1 + 3e-4])
def test_a_sender_whose_clock_drifts_is_followed(drift: float) -> None:
    line = Line()
    minutes = 5
    arrivals = [
        (number * FRAME_S * drift, number) for number in range(round(minutes * 60 / FRAME_S))
    ]
    line.run(arrivals, minutes * 60)
    stats = line.buffer.stats
    # 90 ms in five minutes: at most five frames more or less.
    assert stats.concealed + stats.discarded <= 10
    assert stats.delay_ms < 60
    assert stats.late == 0


def test_jitter_is_that_of_rfc_3550() -> None:
    line = Line()
    delays = np.random.default_rng(2).uniform(0, 50, 300)
    jitter = 0.0
    for number, delay in enumerate(delays):
        line.push(number, number * FRAME_S + float(delay) / 1000)
        if number:
            jitter += (abs(delay - delays[number - 1]) - jitter) / 16
    assert line.buffer.stats.jitter_ms == pytest.approx(jitter, abs=0.01)


def test_what_is_not_live_is_never_shortened() -> None:
    """A model's answer: ten seconds arrive within two."""
    buffer = JitterBuffer("pcmu", live=False, capacity=1000)
    played = []
    for tick in range(600):
        now_s = tick * FRAME_S
        if tick < 100:
            buffer.push(b"".join(payload(5 * tick + i) for i in range(5)), now_s)
        playout = buffer.pull(now_s)
        if playout.kind == "packet":
            played.append(number_of(playout))
    assert played == list(range(500))
    assert buffer.stats.discarded == 0


# --- bounds and mistakes --------------------------------------------------------------------------


def filled(overflow: str) -> Line:
    line = Line(JitterBuffer("pcmu", overflow=overflow, capacity=4))
    for number in range(4):
        assert line.push(number, 0.0)
    return line


def pulled(line: Line, count: int) -> list[int]:
    return [number_of(line.buffer.pull(0.1)) for _ in range(count)]


def test_the_rest_of_a_chunk_does_not_tell_how_long_a_frame_is() -> None:
    buffer = JitterBuffer("pcm16", 24000, initial_delay_ms=0, min_delay_ms=0)
    buffer.push(bytes(2 * 500), 0.0)
    turns = [buffer.pull(0.03) for _ in range(4)]
    assert [turn.kind for turn in turns] == ["packet", "packet", "conceal", "conceal"]
    assert [turn.ticks for turn in turns] == [480, 20, 480, 480]


def test_drop_oldest_makes_room() -> None:
    line = filled("drop_oldest")
    assert line.push(5, 0.0)
    assert pulled(line, 2) == [2, 3]
    assert line.buffer.stats.discarded == 2
    assert line.buffer.stats.lost == 0
    assert line.buffer.pull(0.1).kind == "conceal"
    assert pulled(line, 1) == [5]
    assert line.buffer.stats.lost == 1


def test_drop_newest_does_without() -> None:
    line = filled("drop_newest")
    assert not line.push(5, 0.0)
    assert pulled(line, 4) == [0, 1, 2, 3]
    assert line.buffer.stats.discarded == 1


def test_error_says_which_packet_and_keeps_what_there_is() -> None:
    line = filled("error")
    with pytest.raises(AudioError, match=r"got packet 5, .* the buffer holds 4 packets"):
        line.push(5, 0.0)
    assert len(line.buffer) == 4
    buffer = JitterBuffer("pcmu", overflow="error", capacity=4)
    with pytest.raises(AudioError, match="got 5 packets of 20 ms; the buffer has room for 4 of"):
        buffer.push(bytes(5 * FRAME), 0.0)
    assert len(buffer) == buffer.stats.received == 0
    assert buffer.push(bytes(4 * FRAME), 0.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"encoding": "mp3"}, "got encoding='mp3'; it must be one of opus, pcmu, pcma, pcm16"),
        ({"encoding": "pcm16"}, "got clock_rate=None; it must be 4000 to 192000 Hz"),
        ({"encoding": "opus", "clock_rate": 24000}, "got clock_rate=24000; .* 48000 Hz"),
        ({"channels": 9}, "got 9 channels"),
        ({"min_delay_ms": 501}, "got min_delay_ms=501; it must be 0 to 500"),
        ({"max_delay_ms": math.nan}, "got max_delay_ms=nan"),
        ({"initial_delay_ms": "x"}, "got initial_delay_ms='x'; it must be a number"),
        ({"late_share": 0}, "got late_share=0; it must be 0.001 to 0.5"),
        ({"capacity": 1}, "got capacity=1; it must be 2 to"),
        ({"capacity": 2.5}, "got capacity=2.5"),
        ({"overflow": "block"}, "got overflow='block'; it must be one of error"),
        ({"live": 1}, "got live=1; it must be True or False"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, message: str) -> None:
    with pytest.raises(AudioError, match=message):
        JitterBuffer(**{"encoding": "pcmu", **arguments})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("x", 0.0), "got str; audio must be"),
        ((b"x", None), "got arrival_s=None; it must be a time in seconds"),
        ((b"x", math.inf), "got arrival_s=inf; it must be a finite time"),
        ((b"x", 0.0, 65536, 0), "got sequence=65536; it must be an integer, 0 to 65535"),
        ((b"x", 0.0, 1, -1), "got timestamp=-1; it must be an integer, 0 to 4294967295"),
        ((b"x", 0.0, 1, 1, True), "got ssrc=True"),
        ((b"x", 0.0, 1), "got sequence=1 and timestamp=None; give both, or neither"),
    ],
)
def test_what_cannot_be_pushed_is_named(arguments, message: str) -> None:
    buffer = JitterBuffer("pcmu")
    with pytest.raises(AudioError, match=message):
        buffer.push(*arguments)
    with pytest.raises(AudioError, match="got now_s=nan"):
        buffer.pull(math.nan)
    assert buffer.stats.received == 0


def test_a_buffer_takes_numbers_or_none() -> None:
    buffer = JitterBuffer("pcmu")
    buffer.push(payload(0), 0.0, 1, 1)
    with pytest.raises(AudioError, match="without a sequence number after some with one"):
        buffer.push(payload(0), 0.0)
    buffer.reset()
    buffer.push(payload(0), 0.0)
    with pytest.raises(AudioError, match="with a sequence number after some without"):
        buffer.push(payload(0), 0.0, 1, 1)


@pytest.mark.parametrize(
    ("encoding", "packet"),
    [
        ("opus", b""),
        ("opus", b"\xff\xff" + bytes(5)),
        ("opus", b"\x0b\x41" + bytes(8000)),
        ("pcmu", b""),
        ("pcmu", bytes(961)),
        ("pcm16", bytes(3)),
    ],
)
def test_what_is_no_packet_is_counted_and_left_out(encoding: str, packet: bytes) -> None:
    buffer = JitterBuffer(encoding, 8000 if encoding == "pcm16" else None)
    assert not buffer.push(packet, 0.0, 1, 1)
    assert buffer.stats.malformed == 1
    assert buffer.stats.received == len(buffer) == 0


def test_a_reset_buffer_begins_anew_and_goes_on_counting() -> None:
    line = Line()
    line.run([(at_s + 0.08 * (number % 2), number) for at_s, number in on_time(100)], 2.2)
    assert line.buffer.target_ms > 60
    held = len(line.buffer)
    before = line.buffer.stats
    line.buffer.reset()
    assert len(line.buffer) == 0
    assert line.buffer.target_ms == 40
    assert line.buffer.stats.discarded == before.discarded + held
    assert line.buffer.stats.received == 100
    assert line.buffer.pull(2.2).kind == "silence"
    assert line.push(5, 2.2)


def test_it_says_what_it_is_and_is_not_copied() -> None:
    buffer = JitterBuffer("opus", capacity=50)
    assert repr(buffer) == "<JitterBuffer opus at 48000 Hz, 0/50 packets, target 60 ms>"
    assert (buffer.capacity, buffer.channels, buffer.encoding) == (50, 1, "opus")
    assert isinstance(buffer.stats, JitterStats)
    with pytest.raises(TypeError, match="cannot be copied"):
        copy.copy(buffer)


def test_one_thread_may_push_while_another_pulls() -> None:
    line = Line(JitterBuffer("pcmu", capacity=4096, live=False, initial_delay_ms=0))
    count = 4000
    failures: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                work()
            except BaseException as error:
                failures.append(error)

        return run

    def send() -> None:
        for number in range(count):
            line.push(number, 0.0)

    def play() -> None:
        while line.buffer.stats.played < count and not failures:
            line.played.append(line.buffer.pull(100.0))

    threads = [threading.Thread(target=guarded(work)) for work in (send, play)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert line.numbers == list(range(count))
