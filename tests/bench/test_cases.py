"""Every contender of every group, as it is and deliberately broken."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rtaudio.bench.cases import Absent, Contender, Group, Trial, installed_version, need
from rtaudio.bench.resample import RATIOS, STREAM, WHOLE, ratio_name
from rtaudio.bench.signals import Material
from rtaudio.bench.suite import make_groups

if TYPE_CHECKING:
    from collections.abc import Callable

# Where a peer's result is wrong by nature, and says so instead of a time.
NO_STREAM = {(STREAM, "scipy resample_poly")}


def cases() -> list[Any]:
    """Every contender of every group; of resampling, one falling and one rising pair of rates."""
    some = {ratio_name(*RATIOS[0]), ratio_name(*RATIOS[2])}
    return [
        pytest.param(group, contender, id=f"{group.name}-{contender.name}")
        for group in make_groups(Material.synthetic())
        if group.subject != "resample" or group.variant in some
        for contender in group.contenders
    ]


@pytest.mark.parametrize(("group", "contender"), cases())
def test_results_are_right(group: Group, contender: Contender) -> None:
    try:
        trial = contender.make()
    except Absent as absent:
        assert not contender.ours
        pytest.skip(str(absent))
    trial.call()
    problem = group.problem_of(trial)
    if (group.family, contender.name) in NO_STREAM:
        assert problem is not None
    else:
        assert problem is None


def broken(groups: dict[str, Group], name: str, change: Callable[[Any], Any]) -> str:
    """What the check of a group says about our own result after a change of it."""
    group = groups[name]
    trial = group.contenders[0].make()
    assert group.contenders[0].ours
    problem = group.problem_of(Trial(trial.call, lambda: change(trial.result())))
    assert problem is not None, "the check accepts what is broken"
    return problem


def dropped(at: int, count: int) -> Callable[[Any], Any]:
    return lambda sound: np.delete(sound, np.s_[at : at + count])


def flipped(at: int) -> Callable[[Any], Any]:
    def change(data: Any) -> Any:
        copy = bytearray(data)
        copy[at] ^= 1
        return bytes(copy)

    return change


RESAMPLED = [
    ("quieter by a decibel", lambda y: np.rint(y * 0.89).astype(np.int16), "changed by -1.0 dB"),
    ("one sample lost in the middle", dropped(36_000, 1), "dB"),
    ("the last tenth of a second lost", lambda y: y[: -len(y) // 30], "became"),
    ("silence", np.zeros_like, "dB"),
    ("float", lambda y: y.astype(np.float32), "not int16"),
    ("nothing", lambda y: y[:0], "became 0.000 s"),
    ("wrapped peaks", lambda y: (y.astype(np.int32) * 2).astype(np.int16), "dB"),
    ("eight bits", lambda y: (y >> 8) << 8, "noise and clicks"),
]


@pytest.mark.parametrize("family", [STREAM, WHOLE])
@pytest.mark.parametrize(
    ("change", "says"), [case[1:] for case in RESAMPLED], ids=[case[0] for case in RESAMPLED]
)
def test_broken_resampling_is_seen(
    groups: dict[str, Group], family: str, change: Callable[[Any], Any], says: str
) -> None:
    assert says in broken(groups, f"{family} 16>24", change)


def test_resampling_to_another_rate_is_seen(groups: dict[str, Group]) -> None:
    trial = groups[f"{STREAM} 24>16"].contenders[0].make()
    assert groups[f"{STREAM} 24>48"].problem_of(trial) is not None


DECODED = [
    ("one frame lost", dropped(48_000, 480)),
    ("one frame twice", lambda y: np.insert(y, 48_000, y[47_520:48_000])),
    ("silence", np.zeros_like),
    ("noise", lambda y: np.random.default_rng(1).integers(-9000, 9000, len(y)).astype(np.int16)),
    ("half of it", lambda y: y[: len(y) // 2]),
    ("upside down", lambda y: -y),
]


@pytest.mark.parametrize(
    "change", [change for _, change in DECODED], ids=[name for name, _ in DECODED]
)
def test_broken_opus_decoding_is_seen(groups: dict[str, Group], change: Any) -> None:
    broken(groups, "Opus decode", change)


def test_broken_opus_encoding_is_seen(groups: dict[str, Group]) -> None:
    name = "Opus encode"
    assert "kb/s" in broken(groups, name, lambda packets: [each * 3 for each in packets])
    assert "samples became" in broken(
        groups, name, lambda packets: packets[: len(packets) * 3 // 4]
    )
    assert "correlates" in broken(groups, name, lambda packets: packets[75:] + packets[:75])
    # No packets at all, and packets that are none.
    broken(groups, name, lambda _: [])
    broken(groups, name, lambda packets: [b"\xff" * len(each) for each in packets])


def test_a_broken_audio_delta_is_seen(groups: dict[str, Group]) -> None:
    name = "audio delta event to PCM"
    assert "sound" in broken(groups, name, lambda pair: (pair[0], flipped(1000)(pair[1])))
    assert "sound" in broken(groups, name, lambda pair: (pair[0], pair[1][:-2]))
    assert "item id" in broken(groups, name, lambda pair: ("item_of_another_event", pair[1]))


def test_a_delta_that_a_session_loses_or_changes_is_seen(groups: dict[str, Group]) -> None:
    name = "audio delta to handler"
    assert "every delta" in broken(groups, name, lambda heard: heard[1:])
    assert "every delta" in broken(groups, name, lambda heard: [("other", s) for _, s in heard])
    assert "sound" in broken(groups, name, lambda heard: heard[::-1])
    assert "sound" in broken(groups, name, lambda heard: [(i, flipped(0)(s)) for i, s in heard])


def test_a_broken_append_is_seen(groups: dict[str, Group]) -> None:
    name = "PCM to append event"

    def with_field(key: str, value: str) -> Callable[[Any], Any]:
        return lambda text: json.dumps({**json.loads(text), key: value})

    assert "sound" in broken(groups, name, with_field("audio", "AAAA"))
    assert "append" in broken(groups, name, with_field("type", "input_audio_buffer.commit"))
    assert "append" in broken(groups, name, with_field("more", ""))
    broken(groups, name, lambda text: bytes(text)[:-1])
    broken(groups, name, with_field("audio", "AA=A"))


@pytest.mark.parametrize(
    "change",
    [flipped(0), lambda sound: sound[:-2], lambda sound: sound + b"\0\0", flipped(50_001)],
    ids=["first sample", "one sample short", "one sample too many", "a sample in the middle"],
)
def test_a_broken_ring_buffer_is_seen(groups: dict[str, Group], change: Any) -> None:
    assert "not what was written" in broken(groups, "ring buffer", change)


@pytest.mark.parametrize(
    "change",
    [flipped(0), lambda sound: sound[160:], lambda sound: sound[:160] + sound, lambda _: b""],
    ids=["first sample", "first packet", "a packet twice", "nothing"],
)
def test_a_broken_jitter_buffer_is_seen(groups: dict[str, Group], change: Any) -> None:
    assert "not what went in" in broken(groups, "jitter buffer", change)


@pytest.mark.parametrize("law", ["mu-law", "A-law"])
def test_broken_telephony_codes_are_seen(groups: dict[str, Group], law: str) -> None:
    assert "standard" in broken(groups, f"G.711 decode {law}", flipped(9))
    # The sign bit, and one sample short.
    assert "step" in broken(
        groups, f"G.711 encode {law}", lambda codes: bytes(code ^ 0x80 for code in codes)
    )
    assert "became" in broken(groups, f"G.711 encode {law}", lambda codes: codes[:-1])


def test_one_law_does_not_pass_for_the_other(groups: dict[str, Group]) -> None:
    for family in ("G.711 encode", "G.711 decode"):
        trial = groups[f"{family} mu-law"].contenders[0].make()
        assert groups[f"{family} A-law"].problem_of(trial) is not None


def test_wrong_levels_are_seen(groups: dict[str, Group]) -> None:
    assert "dBFS" in broken(groups, "level rms", lambda db: db + 0.02)
    assert "dBFS" in broken(groups, "level peak", lambda db: db - 0.02)
    assert "off by" in broken(groups, "stereo to mono", lambda mono: np.asarray(mono) + np.int16(1))
    assert "became" in broken(groups, "stereo to mono", lambda mono: mono[:-1])


def test_one_contender_of_ours_leads_each_group(groups: dict[str, Group]) -> None:
    for group in groups.values():
        names = [contender.name for contender in group.contenders]
        assert group.contenders[0].ours, group.name
        assert len(names) == len(set(names)), group.name
        assert any(not contender.ours for contender in group.contenders), group.name


def test_a_module_that_is_missing_makes_its_peer_absent() -> None:
    with pytest.raises(Absent, match="no_such_module cannot be imported"):
        need("no_such_module")


def test_versions_of_several_distributions_are_told_together() -> None:
    both = installed_version("numpy msgspec")
    assert both == f"{installed_version('numpy')} + {installed_version('msgspec')}"
    assert installed_version("no-such-distribution") == installed_version(None) == ""
