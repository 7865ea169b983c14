"""What may be said about keeping sound."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

import rtaudio
from rtaudio import AudioRetention
from rtaudio.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def test_plain_samples_without_limits_are_the_default() -> None:
    assert AudioRetention() == AudioRetention(
        "pcm16", max_bytes=None, max_seconds=None, spill_dir=None, keep_files=False
    )
    assert rtaudio.AudioRetention is AudioRetention


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("codec", "mp3"),
        ("codec", None),
        ("codec", ["opus"]),
        ("max_bytes", 0),
        ("max_bytes", 1.5),
        ("max_bytes", True),
        ("max_seconds", 0),
        ("max_seconds", float("nan")),
        ("max_seconds", float("inf")),
        ("max_seconds", "60"),
        ("spill_dir", ""),
        ("spill_dir", 7),
        ("spill_dir", __file__),
        ("keep_files", True),
        ("keep_files", "yes"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=rf"AudioRetention\.{name} must be .*, got ") as caught:
        AudioRetention(**{name: value})
    assert repr(value) in str(caught.value)


def test_right_values_pass(tmp_path: Path) -> None:
    retention = AudioRetention(
        "opus", max_bytes=1, max_seconds=0.5, spill_dir=tmp_path / "new", keep_files=True
    )
    assert dataclasses.replace(retention, max_seconds=60).max_seconds == 60
    with pytest.raises(dataclasses.FrozenInstanceError):
        retention.codec = "pcm16"  # type: ignore[misc]
    assert not (tmp_path / "new").exists()


def test_opus_without_libopus_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> str:
        raise rtaudio.OpusError("there is none")

    monkeypatch.setattr("rtaudio.conversation.retention.libopus_version", missing)
    with pytest.raises(ConfigError, match="libopus"):
        AudioRetention("opus")
    AudioRetention("pcm16")
