"""The public names: explicit, sorted, and really there."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import rtaudio


@pytest.mark.parametrize(
    "name", ["rtaudio", "rtaudio.conversation", "rtaudio.session", "rtaudio.transports"]
)
def test_names_are_sorted_unique_and_exist(name: str) -> None:
    module = importlib.import_module(name)
    names = module.__all__
    assert len(set(names)) == len(names)
    assert names == sorted(names, key=lambda each: (not each.isupper(), each))
    for each in names:
        assert getattr(module, each) is not None


def test_every_error_is_exported_and_has_one_root() -> None:
    errors = importlib.import_module("rtaudio.errors")
    for name in errors.__all__:
        assert getattr(rtaudio, name) is getattr(errors, name)
        assert issubclass(getattr(errors, name), rtaudio.RtAudioError)


def test_version_is_that_of_the_distribution() -> None:
    assert rtaudio.__version__.count(".") >= 1


def test_importing_the_package_loads_no_recogniser_and_no_event_loop_extras() -> None:
    heavy = "faster_whisper", "ctranslate2", "torch", "ray"
    code = "import sys, rtaudio; rtaudio.RealtimeSession; "
    code += f"sys.exit(any(name in sys.modules for name in {heavy!r}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_importing_the_package_loads_no_kernels_before_they_are_needed() -> None:
    code = """
import sys, rtaudio
assert not [name for name in sys.modules if name.startswith("rtaudio._native")]
assert {"RealtimeSession", "audio", "ConfigError"} <= set(dir(rtaudio))
assert rtaudio.audio.Resampler(24000, 16000).channels == 1
assert rtaudio.RealtimeSession is rtaudio.session.RealtimeSession
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_name_that_is_none_of_the_packages_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'rtaudio' has no attribute 'RealtimeSesion'"):
        _ = rtaudio.RealtimeSesion  # type: ignore[attr-defined]
