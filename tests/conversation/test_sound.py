"""The sound of one part."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from rtaudio.audio import AudioClip, AudioFormat, ulaw_decode
from rtaudio.conversation import sound as sound_module
from rtaudio.conversation.items import ContentPart
from rtaudio.conversation.sound import Sound
from rtaudio.conversation.timeline import Mark

WIRE = AudioFormat("pcm16", 24000)
RAMP = np.arange(-12_000, 12_000, dtype=np.int16)  # a second


def sound(wire: AudioFormat = WIRE, codec: str = "pcm16") -> Sound:
    return Sound("assistant", "a", 0, wire, codec)  # type: ignore[arg-type]


def samples(each: Sound) -> np.ndarray:
    clip = each.clip()
    assert clip is not None
    return clip.samples


def test_it_can_be_heard_while_it_grows_and_after() -> None:
    growing = sound()
    growing.append(RAMP[:1000].tobytes(), 1.0)
    assert np.array_equal(samples(growing), RAMP[:1000])
    growing.append(RAMP[1000:].tobytes(), 1.0)
    growing.finish()
    assert np.array_equal(samples(growing), RAMP)
    assert (growing.samples, growing.ms, growing.nbytes) == (24_000, 1000, 48_000)


def test_what_a_listener_does_with_the_samples_changes_nothing_that_is_kept() -> None:
    kept = sound()
    kept.append(RAMP.tobytes(), 1.0)
    samples(kept)[:] = 0
    assert np.array_equal(samples(kept), RAMP)
    kept.finish()
    samples(kept)[:] = 0
    assert np.array_equal(samples(kept), RAMP)


@pytest.mark.parametrize("codec", ["pcm16", "opus"])
@pytest.mark.parametrize("when", ["before the last piece", "at the end", "after the end"])
def test_a_cut_is_exact_to_a_sample_whenever_it_comes(codec: str, when: str) -> None:
    cut = sound(codec=codec)
    cut.append(RAMP[:20_000].tobytes(), 1.0)
    if when == "before the last piece":
        cut.cut(12_345)
    cut.append(RAMP[20_000:].tobytes(), 1.0)
    if when == "at the end":
        cut.cut(12_345)
    cut.finish()
    if when == "after the end":
        cut.cut(12_345)
    assert len(samples(cut)) == cut.samples == 12_345
    if codec == "pcm16":
        assert np.array_equal(samples(cut), RAMP[:12_345])


def test_a_cut_can_be_taken_back_before_the_end_only() -> None:
    each = sound()
    each.append(RAMP[:1000].tobytes(), 1.0)
    each.cut(600)
    assert each.samples == 600
    each.cut(None)
    each.append(RAMP[1000:1200].tobytes(), 1.0)
    assert each.samples == 1200
    each.finish()
    each.cut(500)
    each.cut(None)
    each.cut(900)
    assert len(samples(each)) == 500


def test_telephone_codes_are_counted_and_decoded() -> None:
    codes = bytes(range(256))
    line = sound(AudioFormat("pcmu", 8000))
    line.append(codes, 1.0)
    assert (line.samples, line.sample_rate) == (256, 8000)
    assert np.array_equal(samples(line), ulaw_decode(codes))


def test_pieces_may_end_in_the_middle_of_a_sample() -> None:
    each = sound()
    data = RAMP.tobytes()
    for start in range(0, len(data), 999):
        each.append(data[start : start + 999], 1.0)
    assert np.array_equal(samples(each), RAMP)


def test_the_timeline_has_the_beginning_and_every_gap_inside() -> None:
    each = sound()
    each.append(bytes(4800), 10.0)  # 100 ms
    each.append(bytes(4800), 10.11)
    each.append(bytes(4800), 10.5)
    each.append(bytes(4800), 10.6)
    assert each.timeline == [Mark(0, 10.0), Mark(4800, 10.5)]
    each.cut(4000)
    assert each.timeline == [Mark(0, 10.0)]


def test_sound_without_a_time_has_no_timeline() -> None:
    each = sound()
    each.append(bytes(4800), None)
    assert each.timeline == []


def test_one_part_holds_so_much_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_module, "MAX_SOUND_S", 1)
    each = sound()
    each.append(RAMP[:23_000].tobytes(), 1.0)
    assert not each.overlong
    each.append(RAMP[:23_000].tobytes(), 1.0)
    assert each.overlong
    assert (each.samples, each.nbytes) == (24_000, 48_000)


@pytest.mark.parametrize("codec", ["pcm16", "opus"])
def test_nonsense_of_the_service_about_its_end_does_no_harm(
    codec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sound_module, "MAX_SOUND_S", 1)
    endless, negative = sound(codec=codec), sound(codec=codec)
    endless.cut(10**15)
    for each in (endless, negative):
        each.append(RAMP.tobytes() * 2, 1.0)
        each.finish()
    negative.cut(-5)
    assert (endless.samples, endless.overlong) == (24_000, True)
    assert (len(samples(negative)), negative.samples) == (0, 0)


def test_the_encoder_is_gone_when_the_sound_is_finished() -> None:
    each = sound(codec="opus")
    each.append(RAMP.tobytes(), 1.0)
    each.finish()
    each.append(RAMP.tobytes(), 2.0)
    assert each.samples == 24_000
    assert each.nbytes < 4000


def test_dropped_sound_is_nothing() -> None:
    each = sound()
    each.append(RAMP.tobytes(), 1.0)
    each.drop()
    each.append(RAMP.tobytes(), 1.0)
    each.finish()
    each.cut(10)
    assert each.clip() is None
    assert (each.nbytes, each.kept) == (0, False)


class TestInAPart:
    def test_reading_decodes_and_everything_else_does_not(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        held = sound(codec="opus")
        held.append(RAMP.tobytes(), 1.0)
        part = ContentPart(type="output_audio", audio=held)  # type: ignore[arg-type]
        assert isinstance(part.audio, AudioClip)

        def listened(_: object) -> None:
            raise AssertionError

        monkeypatch.setattr(Sound, "clip", listened)
        with pytest.raises(AssertionError):
            assert part.audio
        assert part == ContentPart(type="output_audio", audio=held)  # type: ignore[arg-type]
        assert part != ContentPart(type="output_audio")
        assert hash(part)
        assert repr(part) == "ContentPart(type='output_audio')"
        assert copy.copy(part) == part

    def test_a_clip_of_the_application_is_given_back_as_it_is(self) -> None:
        clip = AudioClip(RAMP, 24000)
        part = ContentPart(type="input_audio", audio=clip)
        assert part.audio is clip
        assert part == ContentPart(type="input_audio", audio=AudioClip(RAMP, 24000))

    @pytest.mark.parametrize(
        "duplicate", [copy.deepcopy, lambda part: pickle.loads(pickle.dumps(part))]
    )
    def test_a_copy_that_stands_alone_holds_the_samples(self, duplicate) -> None:
        held = sound()
        held.append(RAMP.tobytes(), 1.0)
        alone = duplicate(ContentPart(type="output_audio", audio=held))  # type: ignore[arg-type]
        held.drop()
        assert alone.audio == AudioClip(RAMP, 24000)
        assert duplicate(ContentPart(type="output_audio", audio=held)).audio is None  # type: ignore[arg-type]
