"""Opus packets in an Ogg file, and back, without decoding them.

RFC 3533 has the pages, RFC 7845 what Opus puts into them. FFmpeg's muxer would need an encoder
beside ours and decides itself where a stream ends; here the end is exact to a sample, and a session
that keeps sound needs no FFmpeg. Only one stream per file, as written here, is read.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Final, NamedTuple

from rtaudio.errors import AudioError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

__all__ = ["OGG_OPUS_RATE", "OggOpus", "read_ogg_opus", "write_ogg_opus"]

OGG_OPUS_RATE: Final = 48_000  # Hz; what positions are counted in, RFC 7845 section 4

_HEADER = struct.Struct("<4sBBqIIIB")  # RFC 3533 section 6, up to the segment table
_CRC_AT: Final = 22  # bytes into a page
_FIRST, _LAST = 2, 4  # flags of a page
_MAX_SEGMENTS: Final = 255
_PAGE_PACKETS: Final = 50  # a second of 20 ms frames: pages that long cost 27 bytes each
_SERIAL: Final = 1  # tells streams of one file apart, and there is one
_HEAD = struct.Struct("<8sBBHIhB")  # RFC 7845 section 5.1
_VENDOR: Final = b"rtaudio"

_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class OggOpus(NamedTuple):
    """What a file holds.

    Attributes:
        packets: in order.
        pre_skip: samples at 48000 Hz by which the decoded sound begins late.
        samples: samples at 48000 Hz that are sound, behind the pre-skip.
    """

    packets: list[bytes]
    pre_skip: int
    samples: int


def write_ogg_opus(
    file: BinaryIO,
    packets: Iterable[bytes],
    *,
    frame: int,
    pre_skip: int,
    samples: int,
    sample_rate: int,
) -> None:
    """Write mono packets to a file.

    Args:
        file: open for writing.
        packets: of equal length in time; at least one. Together they hold the pre-skip and the
            sound, and no packet beyond the one in which it ends.
        frame: samples at 48000 Hz in each packet.
        pre_skip: samples at 48000 Hz by which the decoded sound begins late.
        samples: samples at 48000 Hz of sound; what the last packet holds beyond it is not played.
        sample_rate: of what was encoded, for those who ask.
    """
    head = _HEAD.pack(b"OpusHead", 1, 1, pre_skip, sample_rate, 0, 0)
    tags = b"OpusTags" + struct.pack("<I", len(_VENDOR)) + _VENDOR + struct.pack("<I", 0)
    file.write(_page([head], 0, 0, _FIRST))
    file.write(_page([tags], 0, 1, 0))
    number, position = 2, 0
    held: list[bytes] = []
    segments = 0
    for packet in packets:
        needed = len(packet) // 255 + 1
        if held and (len(held) == _PAGE_PACKETS or segments + needed > _MAX_SEGMENTS):
            file.write(_page(held, position, number, 0))
            number, held, segments = number + 1, [], 0
        held.append(packet)
        segments += needed
        position += frame
    file.write(_page(held, pre_skip + samples, number, _LAST))


def read_ogg_opus(data: bytes) -> OggOpus:
    """Read what `write_ogg_opus` wrote.

    Raises:
        AudioError: the file was cut short or damaged, or is of another kind.
    """
    packets: list[bytes] = []
    position, flags = 0, 0
    for page_packets, granule, page_flags in _pages(data):
        packets += page_packets
        position, flags = granule, page_flags
    if not flags & _LAST or len(packets) < 2 or len(packets[0]) < _HEAD.size:
        raise AudioError("the Ogg file is cut short")
    name, _version, _channels, pre_skip, *_ = _HEAD.unpack_from(packets[0])
    if name != b"OpusHead":
        raise AudioError("the Ogg file holds no Opus")
    return OggOpus(packets[2:], pre_skip, max(0, position - pre_skip))


def _page(packets: list[bytes], position: int, number: int, flags: int) -> bytes:
    table = b"".join(b"\xff" * (len(each) // 255) + bytes([len(each) % 255]) for each in packets)
    body = table + b"".join(packets)
    header = _HEADER.pack(b"OggS", 0, flags, position, _SERIAL, number, 0, len(table))
    page = bytearray(header + body)
    struct.pack_into("<I", page, _CRC_AT, _crc(page))
    return bytes(page)


def _pages(data: bytes) -> Iterator[tuple[list[bytes], int, int]]:
    at = 0
    while at < len(data):
        if len(data) - at < _HEADER.size or data[at : at + 4] != b"OggS":
            raise AudioError("the Ogg file is damaged")
        _, _, flags, position, _, _, crc, segments = _HEADER.unpack_from(data, at)
        table = data[at + _HEADER.size : at + _HEADER.size + segments]
        start = at + _HEADER.size + segments
        end = start + sum(table)
        page = bytearray(data[at:end])
        page[_CRC_AT : _CRC_AT + 4] = bytes(4)
        if len(table) < segments or end > len(data) or _crc(page) != crc:
            raise AudioError("the Ogg file is damaged")
        packets, length = [], 0
        for lacing in table:
            length += lacing
            if lacing < 255:
                packets.append(data[start : start + length])
                start, length = start + length, 0
        yield packets, position, flags
        at = end


def _crc(page: bytes | bytearray) -> int:
    """The checksum of RFC 3533: zlib's polynomial, read from the other end, without inversion."""
    mirrored = zlib.crc32(page.translate(_REVERSED), 0xFFFF_FFFF) ^ 0xFFFF_FFFF
    return int.from_bytes(mirrored.to_bytes(4, "big").translate(_REVERSED), "little")
