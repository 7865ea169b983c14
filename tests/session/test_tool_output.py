"""Results of tools as text."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
import pytest

from rtaudio.session.tool_output import background_result, result_text


@dataclass
class Point:
    x: int


class Structure(msgspec.Struct):
    y: float


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        ("", ""),
        (None, "null"),
        (True, "true"),
        (3, "3"),
        ({"a": [1, None]}, '{"a":[1,null]}'),
        ({"ü": "é"}, '{"ü":"é"}'),
        (Point(1), '{"x":1}'),
        (Structure(0.5), '{"y":0.5}'),
        ((1, 2), "[1,2]"),
        (b"\x00\xff", "2 bytes: 00ff"),
        (bytes(40), "40 bytes: " + "00" * 32 + "..."),
        (range(2), "range(0, 2)"),
        (np.int64(3), "3"),
    ],
)
def test_results_are_worded_for_the_model(value, text):
    assert result_text(value) == text


def test_a_background_result_does_not_show_what_it_holds():
    assert "secret" not in repr(background_result("secret"))
