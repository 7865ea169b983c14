"""Sound on disk."""

from __future__ import annotations

import gc
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from rtaudio.audio import AudioFormat, load
from rtaudio.conversation.sound import Sound
from rtaudio.conversation.sound_file import SoundFile, Writing
from rtaudio.errors import AudioError

RAMP = np.arange(-12_000, 12_000, dtype=np.int16)

if TYPE_CHECKING:
    from pathlib import Path


def writing(folder: Path, item_id: str = "item_1", *, keep: bool = False) -> Writing:
    sound = Sound("assistant", item_id, 2, AudioFormat("pcm16", 24000), "pcm16")
    sound.append(RAMP.tobytes(), 1.0)
    sound.finish()
    assert sound.recording is not None
    return Writing(sound, sound.recording, folder, lambda _: None, keep=keep)


def test_a_file_is_named_by_item_and_part_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    each = writing(tmp_path / "new" / "folder")
    each.run()
    assert each.error is None
    (path,) = (tmp_path / "new" / "folder").iterdir()
    assert path.name == "item_1.2.wav"
    assert path.stat().st_mode & 0o777 == 0o600
    assert np.array_equal(load(path).samples, RAMP)


@pytest.mark.parametrize(
    ("item_id", "name"),
    [("../../etc/x", "______etc_x.2.wav"), ("a b\0c", "a_b_c.2.wav"), ("ä" * 300, None)],
)
def test_ids_cannot_name_files_elsewhere(tmp_path: Path, item_id: str, name: str | None) -> None:
    each = writing(tmp_path, item_id)
    each.run()
    assert each.error is None
    (path,) = tmp_path.iterdir()
    assert path.name == name or (name is None and len(path.name) < 120)


def test_a_file_that_is_there_already_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "item_1.2.wav").write_bytes(b"another session's")
    each = writing(tmp_path)
    each.run()
    assert each.file is not None
    assert (tmp_path / "item_1.2.wav").read_bytes() == b"another session's"
    assert each.file.path != tmp_path / "item_1.2.wav"
    assert np.array_equal(load(each.file.path).samples, RAMP)


def test_a_failure_is_an_error_that_names_the_folder_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"")
    each = writing(tmp_path / "taken" / "deeper", "secret_id")
    each.run()
    assert isinstance(each.error, AudioError)
    assert "taken" in str(each.error)
    assert "secret_id" not in str(each.error)
    assert each.file is None


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    each = writing(tmp_path)
    each.run()
    assert "No space left on device" in str(each.error)
    assert list(tmp_path.iterdir()) == []


def test_what_was_written_reaches_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    monkeypatch.setattr("os.fsync", lambda _: seen.append([p.name for p in tmp_path.iterdir()]))
    writing(tmp_path).run()
    ((name,),) = seen
    assert name.startswith(".item_1.2.wav.")
    assert name.endswith(".partial")


def test_a_file_goes_with_the_last_one_who_knows_it(tmp_path: Path) -> None:
    file = SoundFile(tmp_path / "a.wav", keep=False)
    file.path.write_bytes(b"x")
    path = file.path
    del file
    gc.collect()
    assert not path.exists()


def test_a_kept_file_goes_only_when_it_is_told_to(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"x")
    file = SoundFile(path, keep=True)
    del file
    gc.collect()
    assert path.exists()
    SoundFile(path, keep=True).remove()
    assert not path.exists()
    SoundFile(path, keep=True).remove()


SCRIPT = """
import os, sys
from pathlib import Path
from rtaudio.conversation.sound_file import SoundFile
files = [SoundFile(Path(path), keep=False) for path in sys.argv[1:]]
child = os.fork()
if child == 0:
    sys.exit()  # with all that happens at the end of a program
os.waitpid(child, 0)
print(*(file.path.exists() for file in files))
"""


def test_files_go_when_the_program_ends_and_not_when_its_children_do(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"x")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, path], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True"]
    assert not path.exists()
