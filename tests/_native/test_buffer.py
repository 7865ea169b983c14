"""What the kernels accept as PCM16, and what they say to everything else."""

from __future__ import annotations

import array
import ctypes
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtaudio._native._buffer import as_pcm16
from rtaudio._native.g711 import ulaw_decode, ulaw_decode_into, ulaw_encode_into
from rtaudio.errors import AudioError

VALUES = np.array([-32768, -1, 0, 1, 32767, 258], np.int16)


@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(lambda x: x, id="int16 array"),
        pytest.param(lambda x: x.astype("<i2"), id="little-endian array"),
        pytest.param(lambda x: x.tobytes(), id="bytes"),
        pytest.param(lambda x: bytearray(x.tobytes()), id="bytearray"),
        pytest.param(lambda x: memoryview(x), id="memoryview of int16"),
        pytest.param(lambda x: memoryview(x.tobytes()), id="memoryview of bytes"),
        pytest.param(lambda x: memoryview(x.tobytes()).cast("b"), id="signed bytes"),
        pytest.param(lambda x: memoryview(x.tobytes()).cast("c"), id="characters"),
        pytest.param(lambda x: array.array("h", x.tolist()), id="array.array"),
        pytest.param(lambda x: (ctypes.c_int16 * len(x))(*x.tolist()), id="ctypes array"),
        pytest.param(lambda x: memoryview(b"?" + x.tobytes())[1:], id="odd address"),
        pytest.param(lambda x: x.view(np.uint8), id="uint8 array"),
        pytest.param(lambda x: x.view(np.recarray), id="subclass of arrays"),
        pytest.param(lambda x: np.concatenate([x, x])[6:], id="part of an array"),
        pytest.param(
            lambda x: np.frombuffer(b"?" + x.tobytes(), np.int16, offset=1),
            id="array at odd address",
        ),
        pytest.param(
            lambda x: x.astype(np.dtype(np.int16, metadata={"unit": "sample"})),
            id="array with another dtype object",
        ),
    ],
)
def test_every_kind_of_pcm16_buffer_gives_the_same_samples(wrap):
    result = as_pcm16(wrap(VALUES))
    assert result.dtype == np.int16
    assert result.tolist() == VALUES.tolist()


def test_two_dimensions_stay_two_dimensions():
    frames = VALUES.reshape(3, 2)
    assert as_pcm16(frames, 2).tolist() == frames.tolist()
    assert as_pcm16(frames.tobytes(), 2).shape == (6,)


def test_result_does_not_share_memory_with_its_source():
    source = VALUES.copy()
    result = as_pcm16(source)
    source[:] = 7
    assert result.tolist() == VALUES.tolist()
    assert as_pcm16(b"").shape == (0,)


@pytest.mark.parametrize(
    ("data", "channels", "words"),
    [
        pytest.param("text", 1, "got str", id="text"),
        pytest.param(None, 1, "got NoneType", id="none"),
        pytest.param([1, 2], 1, "got list", id="list"),
        pytest.param(np.zeros(4, np.float32), 1, "format 'f'", id="float32"),
        pytest.param(np.zeros(4, np.uint16), 1, "format 'H'", id="uint16"),
        pytest.param(np.zeros(4, ">i2"), 1, "format '>h'", id="big endian"),
        pytest.param(np.zeros(4, np.int32), 1, "format 'i'", id="int32"),
        pytest.param(np.zeros(8, np.int16)[::2], 1, "contiguous", id="stride"),
        pytest.param(np.zeros((4, 2), np.int16).T, 4, "contiguous", id="transposed"),
        pytest.param(memoryview(bytes(8))[::2], 1, "contiguous", id="strided memoryview"),
        pytest.param(b"123", 1, "multiple of 2 bytes", id="odd length"),
        pytest.param(b"123456", 2, "multiple of 4 bytes", id="half a stereo sample"),
        pytest.param(np.zeros((2, 3), np.int16), 2, "shape (2, 3)", id="other channels"),
        pytest.param(np.zeros((2, 2, 2), np.int16), 2, "3 dimensions", id="three dimensions"),
        pytest.param(np.array(3, np.int16), 1, "0 dimensions", id="scalar"),
        pytest.param(b"", 0, "got 0 channels", id="no channels"),
        pytest.param(b"", 9, "got 9 channels", id="nine channels"),
    ],
)
def test_anything_else_is_refused_with_the_value_that_was_wrong(data, channels, words):
    with pytest.raises(AudioError) as caught:
        as_pcm16(data, channels)
    assert words in str(caught.value)


def test_a_bytearray_can_be_resized_after_a_call_and_after_a_refused_one():
    data = bytearray(6)
    as_pcm16(data)
    data.append(0)
    with pytest.raises(AudioError):
        as_pcm16(data)
    data.append(0)
    assert len(as_pcm16(data)) == 4


def test_references_to_buffers_are_given_back():
    data = np.zeros(16, np.int16)
    odd = memoryview(bytearray(9))[1:]
    floats = np.zeros(4, np.float32)
    codes, int16 = bytes(range(20)), np.dtype(np.int16)
    before = [sys.getrefcount(x) for x in (data, odd, floats, codes, int16)]
    for _ in range(50):
        as_pcm16(data)
        as_pcm16(odd)
        with pytest.raises(AudioError):
            as_pcm16(floats)
        ulaw_decode(codes)
        with pytest.raises(AudioError):
            ulaw_decode(floats)
    assert [sys.getrefcount(x) for x in (data, odd, floats, codes, int16)] == before


def test_fresh_arrays_are_as_if_numpy_had_been_asked_for_them():
    for fresh, shape in ((ulaw_decode(b"123"), (3,)), (as_pcm16(VALUES.reshape(3, 2), 2), (3, 2))):
        assert type(fresh) is np.ndarray
        assert fresh.dtype is np.dtype(np.int16)
        assert fresh.shape == shape
        assert fresh.flags.carray
        assert fresh.flags.owndata
        assert sys.getrefcount(fresh) == 3


# numpy's table of functions is replaced by something that is none.
WITHOUT_NUMPYS_TABLE = """
import sys, types
import numpy as np
name = "numpy._core._multiarray_umath" if hasattr(np, "_core") else "numpy.core._multiarray_umath"
sys.modules[name] = types.SimpleNamespace(_ARRAY_API=object())
from rtaudio._native._buffer import as_pcm16
values = np.arange(6, dtype=np.int16)
assert as_pcm16(values).tolist() == values.tolist()
assert as_pcm16(values.reshape(3, 2), 2).tolist() == values.reshape(3, 2).tolist()
"""


def test_where_numpys_own_function_is_not_found_arrays_are_made_through_python():
    command = [sys.executable, "-c", WITHOUT_NUMPYS_TABLE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_output_buffers_must_be_writable_and_at_an_even_address():
    with pytest.raises(AudioError, match="read-only bytes"):
        ulaw_decode_into(b"12", bytes(4))
    with pytest.raises(AudioError, match="odd address"):
        ulaw_decode_into(b"12", memoryview(bytearray(5))[1:])
    with pytest.raises(AudioError, match="format 'h'; it must hold bytes"):
        ulaw_encode_into(b"12", np.zeros(4, np.int16))
    read_only = np.zeros(4, np.int16)
    read_only.setflags(write=False)
    with pytest.raises(AudioError, match="read-only ndarray"):
        ulaw_decode_into(b"12", read_only)
    every_other = np.zeros(8, np.int16)[::2]
    with pytest.raises(AudioError, match="contiguous"):
        ulaw_decode_into(b"12", every_other)


def test_arrays_without_samples_are_borrowed_like_others():
    assert as_pcm16(np.zeros(0, np.int16)).shape == (0,)
    assert as_pcm16(np.zeros((0, 2), np.int16), 2).shape == (0, 2)
    with pytest.raises(AudioError, match=r"shape \(5, 0\)"):
        as_pcm16(np.zeros((5, 0), np.int16))


def test_an_array_cannot_go_away_while_it_is_borrowed():
    values = np.arange(1000, dtype=np.int16)
    assert as_pcm16(values * 2).tolist() == (values * 2).tolist()
    assert as_pcm16(np.arange(1000, dtype=np.int16)[500:]).tolist() == values[500:].tolist()


@given(st.binary(max_size=64), st.integers(1, 8), st.integers(0, 3))
def test_any_bytes_are_either_whole_samples_or_an_audio_error(data, channels, offset):
    view = memoryview(b"???" + data)[3 - offset :]
    if len(view) % (2 * channels):
        with pytest.raises(AudioError):
            as_pcm16(view, channels)
    else:
        assert as_pcm16(view, channels).tobytes() == bytes(view)
