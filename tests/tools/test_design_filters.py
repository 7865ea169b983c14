"""The resampler's filters come out of the tool that is said to make them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from rtaudio._native.filter_series import FILTER_SERIES

TOOL = Path(__file__).parents[2] / "tools" / "design_filters.py"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("design_filters", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("quality", FILTER_SERIES)
def test_the_series_in_use_is_what_the_tool_designs(tool, quality):
    half_width, *_ = recipe = tool.QUALITIES[quality]
    kept_half_width, kept = FILTER_SERIES[quality]
    assert half_width == kept_half_width
    # To what changes a response 140 dB down; the solver's last digits differ between versions.
    assert tool.design(*recipe) == pytest.approx(kept, abs=1e-7)


def test_the_response_is_the_transform_of_the_series(tool):
    half_width, terms = 7.5, 9
    b = np.random.default_rng(1).standard_normal(terms + 1)
    times = np.linspace(-half_width, half_width, 200_001)
    h = b[0] / (2 * half_width) + sum(
        b[k] / half_width * np.cos(np.pi * k * times / half_width) for k in range(1, terms + 1)
    )
    frequencies = np.array([0.0, 0.3, 0.85, 1.7])
    # f is relative to the Nyquist frequency, half a cycle per sample.
    expected = [np.trapezoid(h * np.cos(np.pi * f * times), times) for f in frequencies]
    assert tool.response(frequencies, half_width, terms) @ b == pytest.approx(expected, abs=1e-6)
