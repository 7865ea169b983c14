"""All sound of a conversation, within its budgets."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rtaudio.audio import AudioFormat, load
from rtaudio.conversation import sound_store
from rtaudio.conversation.retention import AudioRetention
from rtaudio.conversation.sound_store import SoundStore, SoundTally
from rtaudio.errors import AudioError, RtAudioError

if TYPE_CHECKING:
    from pathlib import Path

    from rtaudio.conversation.sound import Sound
    from rtaudio.conversation.sound_file import Writing

WIRE = AudioFormat("pcm16", 24000)
SECOND = np.arange(-12_000, 12_000, dtype=np.int16).tobytes()


class Store(SoundStore):
    """A store, and whoever writes for it."""

    def __init__(self, **retention: Any) -> None:
        self.writings: list[Writing] = []
        self.tally = SoundTally()
        super().__init__(AudioRetention(**retention), self.writings, self.tally)

    def put(self, item_id: str, seconds: int = 1, *, finished: bool = True) -> Sound:
        sound = self.begin("assistant", WIRE, item_id)
        for _ in range(seconds):
            self.append(sound, SECOND, 1.0)
        if finished:
            self.finish(sound)
        return sound

    def write(self) -> list[RtAudioError]:
        errors = []
        while self.writings:
            writing = self.writings.pop(0)
            writing.run()
            error = writing.settle()
            if error is not None:
                errors.append(error)
        return errors

    def kept(self) -> list[str]:
        return [sound.item_id for sound in self if sound.kept]


def test_what_is_held_is_counted() -> None:
    store = Store()
    store.put("a")
    store.put("b", 2, finished=False)
    assert (store.bytes_held, store.ms_held) == (144_000, 3000)
    store.forget("a")
    store.forget("b")
    store.forget("c")
    assert (store.bytes_held, store.ms_held, store.tally.dropped) == (0, 0, 0)
    assert list(store) == []


@pytest.mark.parametrize("limit", [{"max_bytes": 100_000}, {"max_seconds": 2.1}])
def test_the_oldest_finished_sound_goes_first(limit: dict[str, Any]) -> None:
    store = Store(**limit)
    growing = store.put("first", finished=False)
    sounds = [store.put(f"i{number}") for number in range(4)]
    assert store.kept() == ["first", "i3"]
    assert store.tally.dropped == 3
    assert sounds[0].clip() is None
    store.append(growing, SECOND, 2.0)
    assert store.kept() == ["first"]
    store.append(growing, SECOND, 3.0)
    assert store.kept() == []
    assert (store.tally.dropped, store.bytes_held, store.ms_held) == (5, 0, 0)
    store.append(growing, SECOND, 4.0)
    store.finish(growing)
    assert store.bytes_held == 0


def test_dropped_sound_is_remembered_until_its_item_is_deleted() -> None:
    store = Store(max_bytes=10)
    dropped = store.put("a")
    assert store.get("a", 0) is dropped
    store.forget("a")
    assert store.get("a", 0) is None


def test_sound_that_was_too_long_counts_as_dropped_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtaudio.conversation.sound.MAX_SOUND_S", 1)
    store = Store()
    store.put("a", 4)
    assert (store.tally.dropped, store.ms_held) == (1, 1000)


def test_opus_is_counted_by_its_packets() -> None:
    store = Store(codec="opus")
    store.put("a", 10)
    assert 20_000 < store.bytes_held < 12e6 * 10 / 3600
    assert store.ms_held == 10_000


class TestOnDisk:
    @pytest.mark.parametrize(("codec", "suffix"), [("pcm16", "wav"), ("opus", "opus")])
    def test_without_a_budget_everything_finished_goes_there(
        self, tmp_path: Path, codec: str, suffix: str
    ) -> None:
        store = Store(codec=codec, spill_dir=tmp_path)
        sound = store.put("a")
        before = sound.clip()
        store.put("b", finished=False)
        assert store.bytes_held > 0
        assert store.write() == []
        assert [path.name for path in tmp_path.iterdir()] == [f"a.0.{suffix}"]
        assert (store.tally.spilled, store.tally.dropped, store.ms_held) == (1, 0, 1000)
        assert sound.nbytes == 0
        assert sound.clip() == before

    def test_with_a_budget_only_what_exceeds_it_goes_there(self, tmp_path: Path) -> None:
        store = Store(spill_dir=tmp_path, max_seconds=2)
        sounds = [store.put(name) for name in "abcd"]
        growing = store.put("e", 5, finished=False)
        assert len(store.writings) == 4
        assert store.write() == []
        assert sorted(path.name[0] for path in tmp_path.iterdir()) == ["a", "b", "c", "d"]
        assert (store.tally.spilled, store.tally.dropped, store.ms_held) == (4, 0, 5000)
        assert all(sound.clip() is not None for sound in (*sounds, growing))

    def test_no_file_is_made_of_no_sound(self, tmp_path: Path) -> None:
        store = Store(spill_dir=tmp_path)
        store.put("a", 0)
        assert store.writings == []

    def test_a_cut_reaches_the_file_whether_it_comes_before_or_after(self, tmp_path: Path) -> None:
        store = Store(spill_dir=tmp_path)
        early, late, later = store.put("early"), store.put("late"), store.put("later")
        store.cut(early, 1000)  # while it waits to be written
        store.write()
        store.cut(late, 2000)
        assert late.clip().samples.shape == (2000,)  # type: ignore[union-attr]
        store.cut(later, 3000)
        store.cut(later, 2500)  # while it waits to be written again
        store.write()
        for sound, samples in ((early, 1000), (late, 2000), (later, 2500)):
            clip = load(tmp_path / f"{sound.item_id}.0.wav")
            assert clip.samples.tobytes() == SECOND[: samples * 2]
            assert sound.clip() == clip
            assert sound.nbytes == 0
        assert len(list(tmp_path.iterdir())) == 3
        assert store.bytes_held == 0

    def test_an_opus_file_is_cut_without_encoding_it_again(self, tmp_path: Path) -> None:
        store = Store(codec="opus", spill_dir=tmp_path)
        sound = store.put("a")
        whole = sound.clip()
        store.write()
        store.cut(sound, 7777)
        store.write()
        clip = sound.clip()
        assert whole is not None
        assert clip is not None
        assert np.array_equal(clip.samples, whole.samples[:7777])
        assert load(tmp_path / "a.0.opus").samples.shape == (7777 * 2,)

    def test_a_deleted_item_takes_its_file_along_at_any_moment(self, tmp_path: Path) -> None:
        store = Store(spill_dir=tmp_path, keep_files=True)
        store.put("written")
        store.write()
        store.put("waiting")
        store.forget("written")
        store.forget("waiting")
        store.write()
        assert list(tmp_path.iterdir()) == []
        assert (store.bytes_held, store.tally.spilled, store.tally.dropped) == (0, 1, 0)

    def test_files_live_as_long_as_the_store_or_an_item(self, tmp_path: Path) -> None:
        store = Store(spill_dir=tmp_path)
        held, _ = store.put("held"), store.put("free")
        store.write()
        gone = weakref.ref(store)
        del store, _
        gc.collect()
        assert gone() is None
        assert [path.name for path in tmp_path.iterdir()] == ["held.0.wav"]
        assert held.clip() is not None
        del held
        gc.collect()
        assert list(tmp_path.iterdir()) == []

    def test_files_stay_where_that_is_wanted(self, tmp_path: Path) -> None:
        store = Store(spill_dir=tmp_path, keep_files=True)
        store.put("a")
        store.write()
        del store
        gc.collect()
        assert [path.name for path in tmp_path.iterdir()] == ["a.0.wav"]

    def test_what_cannot_be_written_is_dropped_with_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        store = Store(spill_dir=tmp_path / "file" / "folder")
        sound = store.put("a")
        assert sound.clip() is not None
        (error,) = store.write()
        assert isinstance(error, AudioError)
        assert sound.clip() is None
        assert (store.tally.dropped, store.tally.spilled, store.bytes_held) == (1, 0, 0)

    def test_a_file_that_cannot_be_cut_does_not_stay_longer_than_what_was_heard(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = Store(spill_dir=tmp_path)
        sound = store.put("a")
        store.write()
        store.cut(sound, 10)
        monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
        assert len(store.write()) == 1
        assert list(tmp_path.iterdir()) == []
        assert (sound.clip(), store.tally.dropped) == (None, 1)

    def test_a_file_that_somebody_took_away_or_broke_is_no_sound(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        store = Store(spill_dir=tmp_path)
        taken, broken = store.put("taken"), store.put("broken")
        store.write()
        (tmp_path / "taken.0.wav").unlink()
        (tmp_path / "broken.0.wav").write_bytes(b"RIFF")
        assert (taken.clip(), broken.clip()) == (None, None)
        assert len(caplog.records) == 2
        store.cut(broken, 5)
        assert store.tally.dropped == 1

    def test_a_disk_that_cannot_keep_up_costs_sound_and_not_memory(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sound_store, "_MAX_WAITING_BYTES", 100_000)
        store = Store(spill_dir=tmp_path)
        for number in range(10):
            store.put(f"i{number}")
        assert (len(store.writings), store.tally.dropped, store.bytes_held) == (3, 7, 144_000)
        store.write()
        assert (store.tally.spilled, store.bytes_held) == (3, 0)


def test_every_call_costs_the_same_however_much_is_kept(tmp_path: Path) -> None:
    """By counting what is looked at: the budget never walks over what it keeps."""
    store = Store(spill_dir=tmp_path, max_seconds=100_000)
    for number in range(2000):
        store.put(f"i{number}", 0)
    looked_at = []

    class Counted(dict):  # type: ignore[type-arg]
        def __iter__(self) -> Any:
            looked_at.append(len(self))
            return super().__iter__()

    store._sounds = Counted(store._sounds)
    store._counted = Counted(store._counted)
    store.put("new", 3)
    store.forget("i5")
    assert looked_at == []
