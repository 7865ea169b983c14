"""The public names: explicit, sorted, and really there."""

from __future__ import annotations

import importlib

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
    import subprocess
    import sys

    heavy = "faster_whisper", "ctranslate2", "torch", "ray"
    code = f"import sys, rtaudio; sys.exit(any(name in sys.modules for name in {heavy!r}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
