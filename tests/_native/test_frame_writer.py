"""The kernel that writes a client's frames, against a reader that unmasks byte by byte."""

from __future__ import annotations

import base64
import copy
import json
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from rtaudio._native.frame_writer import FrameWriter
from rtaudio._native.wire import encode_append
from rtaudio.errors import AudioError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Around the lengths at which the head of a frame grows (RFC 6455, section 5.2), at which words give
# way to bytes, and at which a frame takes memory of its own.
LENGTHS = [*range(20), 125, 126, 127, 1000, 16_375, 16_376, 16_377, 65_535, 65_536, 70_001]


class Transport:
    """Remembers what it is to write."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.waiting = 0
        self.closing = False

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def is_closing(self) -> bool:
        return self.closing

    def write(self, data: bytes) -> None:
        self.written.append(data)


def writer(fd: int = -1) -> tuple[FrameWriter, Transport]:
    transport = Transport()
    return FrameWriter(fd, cast("Any", transport)), transport


def read(frame: bytes) -> tuple[int, bytes, bytes]:
    """Opcode, key and payload of one frame."""
    assert frame[0] & 0xF0 == 0x80, "final, without extensions"
    assert frame[1] & 0x80, "masked"
    flag, at = frame[1] & 0x7F, 2
    length = flag
    if flag >= 126:
        at = 4 if flag == 126 else 10
        length = int.from_bytes(frame[2:at], "big")
        assert length > (125 if flag == 126 else 0xFFFF), "the shortest head there is"
    key, masked = frame[at : at + 4], frame[at + 4 :]
    assert len(masked) == length
    return frame[0] & 0x0F, key, bytes(byte ^ key[i % 4] for i, byte in enumerate(masked))


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    here, there = socket.socketpair()
    here.setblocking(False)
    there.setblocking(False)
    with here, there:
        yield here, there


@pytest.mark.parametrize("length", LENGTHS)
def test_a_message_reads_back_from_its_frame(length: int) -> None:
    text = np.random.default_rng(length).bytes(length)
    write, transport = writer()
    assert write.send(text)
    assert write.send(memoryview(text), 0xA)
    (first, second) = transport.written
    assert read(first)[::2] == (0x1, text)
    assert read(second)[::2] == (0xA, text)


@pytest.mark.parametrize("length", [0, 1, 2, 3, 60, 61, 62, 960, 12_000, 12_244, 12_245, 50_000])
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_sound_goes_out_as_the_event_that_the_codec_writes(length: int, kind: Any) -> None:
    pcm = np.random.default_rng(length).bytes(length)
    write, transport = writer()
    assert write.send_append(kind(pcm))
    opcode, _, text = read(transport.written[0])
    assert (opcode, text) == (0x1, encode_append(pcm))
    assert base64.b64decode(json.loads(text)["audio"]) == pcm


def test_samples_are_sound_and_floats_are_not() -> None:
    samples = np.arange(-9, 9, dtype=np.int16)
    write, transport = writer()
    write.send_append(samples)
    assert read(transport.written[0])[2] == encode_append(samples)
    with pytest.raises(AudioError):
        write.send_append(np.zeros(4, np.float32))  # type: ignore[arg-type]


def test_every_frame_has_a_key_of_its_own() -> None:
    write, transport = writer()
    for _ in range(1000):  # more than are fetched at a time
        write.send(b"the same")
    assert len({read(frame)[1] for frame in transport.written}) > 990


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_process_does_not_go_on_with_the_keys_of_its_parent() -> None:
    write, transport = writer()
    write.send(b"")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        for _ in range(300):
            write.send(b"")
        os.write(writing, b"".join(read(frame)[1] for frame in transport.written[1:]))
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        theirs = stream.read()
    for _ in range(300):
        write.send(b"")
    ours = {read(frame)[1] for frame in transport.written}
    assert len(theirs) == 1200
    assert len(ours & {theirs[at : at + 4] for at in range(0, 1200, 4)}) < 5


def test_a_transport_may_write_through_another_writer_meanwhile() -> None:
    inner, inner_transport = writer()

    class Busy(Transport):
        def is_closing(self) -> bool:
            assert inner.send_append(bytes(range(200)))
            return super().is_closing()

        def write(self, data: bytes) -> None:
            assert inner.send(b"meanwhile")
            super().write(data)

    transport = Busy()
    outer = FrameWriter(-1, cast("Any", transport))
    texts = [b"outer %d" % number * 20 for number in range(40)]
    assert [outer.send(text) for text in texts] == [True] * len(texts)
    assert [read(frame)[2] for frame in transport.written] == texts
    meanwhile = [encode_append(bytes(range(200))), b"meanwhile"] * len(texts)
    assert [read(frame)[2] for frame in inner_transport.written] == meanwhile


def test_threads_with_a_writer_each_do_not_disturb_each_other() -> None:
    def write_many(number: int) -> list[bytes]:
        write, transport = writer()
        pcm = np.full(480, number, np.int16).tobytes()
        for _ in range(500):
            write.send_append(pcm)
        return [read(frame)[2] for frame in transport.written]

    with ThreadPoolExecutor(4) as threads:
        for number, payloads in enumerate(threads.map(write_many, range(4))):
            pcm = np.full(480, number, np.int16).tobytes()
            assert payloads == [encode_append(pcm)] * 500


def test_frames_go_straight_to_the_socket(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    write, transport = writer(here.fileno())
    write.send_append(b"abcdef")
    write.send(b"next")
    got = there.recv(1 << 16)
    first = 6 + len(encode_append(b"abcdef"))
    assert read(got[:first])[2] == encode_append(b"abcdef")
    assert read(got[first:])[2] == b"next"
    assert transport.written == []


def test_what_the_socket_does_not_take_goes_to_the_transport_and_all_behind_it(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    here, there = pair
    write, transport = writer(here.fileno())
    text = bytes(10_000)
    count = 0
    while not transport.written:
        write.send(text)
        count += 1
    transport.waiting = len(transport.written[0])
    write.send(text)
    got = bytearray()
    while True:
        try:
            got += there.recv(1 << 20)
        except BlockingIOError:
            break
    got += b"".join(transport.written)
    frame = len(text) + 8
    frames = [bytes(got[at : at + frame]) for at in range(0, len(got), frame)]
    assert [read(each)[2] for each in frames] == [text] * (count + 1)


def test_errors_of_the_socket_are_left_to_the_transport(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    here, there = pair
    there.close()
    write, transport = writer(here.fileno())
    assert write.send(b"nobody reads this")
    assert read(transport.written[0])[2] == b"nobody reads this"
    transport.written.clear()
    transport.closing = True
    assert not write.send(b"nor this")
    fresh = FrameWriter(here.fileno(), cast("Any", transport))
    assert not fresh.send_append(b"nor this")
    assert transport.written == []


def test_nothing_is_written_to_a_transport_that_is_closing() -> None:
    write, transport = writer()
    transport.closing = True
    assert not write.send(b"too late")
    assert not write.send_append(b"too late")
    assert transport.written == []


def test_it_cannot_be_copied() -> None:
    with pytest.raises(TypeError, match="cannot be copied"):
        copy.copy(writer()[0])
