"""The user's sound on its way out: packets of 20 ms at the pace of a clock.

Whoever feeds it may do so in pieces of any length, a little early or late. What comes too late is
made up for by sending two packets at a time; only after 60 ms does silence take its place. Without
sound there is silence: it is encoded until nothing of the sound before is left in the encoder, as
the packets then tell, and the last of these is repeated, or with discontinuous transmission hardly
anything is sent. (Encoding silence takes longer than encoding speech, and changes nothing any more
in either the encoder or the decoder.)
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from rtaudio.audio import OpusEncoder, RingBuffer, peak_dbfs
from rtaudio.errors import ConnectionLost

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

    from rtaudio.audio import Samples

__all__ = ["FRAME_S", "FRAME_TICKS", "OutgoingPacket", "OutgoingSound"]

FRAME_S = 0.02
# RTP timestamps of Opus count 48 kHz, whatever is encoded (RFC 7587, section 4.1).
FRAME_TICKS = 960

# How many frames sound may be late before silence takes its place.
_PATIENCE = 3
# CELT writes digital silence in so many bytes.
_SILENT_BYTES = 3
# A sample of 1 has -90.3 dBFS.
_LEAST_DBFS = -100.0
# Discontinuous transmission still sends one packet in so many.
_DTX_INTERVAL = 20
# Reports without loss after which none is expected.
_CLEAN_REPORTS = 10


class OutgoingPacket(NamedTuple):
    """What is to be sent.

    Attributes:
        payload: an Opus packet of 20 ms.
        timestamp: where it lies, in samples at 48 kHz from the start; not wrapped.
        marker: sound begins with it after silence.
    """

    payload: bytes
    timestamp: int
    marker: bool


class OutgoingSound:
    """Takes PCM and gives out packets.

    Args:
        sample_rate: of the PCM, which is mono, in Hz: 8000, 12000, 16000, 24000 or 48000.
        bitrate: bits per second.
        complexity: of the encoder, 0 to 10.
        dtx: send next to nothing while there is silence.
        room_s: seconds of sound that wait at most; who feeds more waits too.

    Attributes:
        muted: send silence instead of what is fed.
        fed: called when there is more to be given out.
        left: called with the sound of each packet, 20 ms of it.
    """

    def __init__(
        self, sample_rate: int, *, bitrate: int, complexity: int, dtx: bool, room_s: float = 0.5
    ) -> None:
        self._frame = round(sample_rate * FRAME_S)
        self._encoder = OpusEncoder(
            sample_rate,
            bitrate=bitrate,
            complexity=complexity,
            fec=True,
            packet_loss_percent=0,
            signal="music",
        )
        # Reports without a loss since the last one with.
        self._clean = 0
        self._dtx = dtx
        self._ring = RingBuffer(round(sample_rate * room_s))
        self._silence = np.zeros(self._frame, np.int16)
        self._turn = asyncio.Lock()
        self._room = asyncio.Event()
        self._due = 0
        self._timestamp = 0
        # Frames of silence since the last sound, what the last of them gave, and whether that is
        # repeated from now on.
        self._silent = 0
        self._last = b""
        self._repeats = False
        # Whether sound is being fed, so that more of it may be expected.
        self._fed = False
        self._flushes: list[asyncio.Future[None]] = []
        self._ended = False
        self.muted = False
        self.fed: Callable[[], None] = lambda: None
        self.left: Callable[[bytes], None] = lambda _pcm: None

    @property
    def waiting(self) -> int:
        """Samples that were fed and have not been given out."""
        return len(self._ring)

    @property
    def free(self) -> int:
        """Samples that are taken without waiting."""
        return self._ring.free

    async def feed(self, pcm: Buffer) -> None:
        """Take sound; waits while as much waits already as there is room for.

        Args:
            pcm: mono, native 16-bit samples.

        Raises:
            ConnectionLost: nothing is sent any more.
        """
        if not self._turn.locked() and not self._ended:
            view = memoryview(pcm)
            if view.nbytes // 2 <= self._ring.free:
                self._ring.write(view)
                self.fed()
                return
        samples: Samples = np.frombuffer(cast("bytes", pcm), np.int16)
        async with self._turn:
            while len(samples):
                if self._ended:
                    raise ConnectionLost("the connection ended before this was sent")
                count = min(len(samples), self._ring.free)
                self._ring.write(samples[:count])
                samples = samples[count:]
                self.fed()
                if len(samples):
                    self._room.clear()
                    await self._room.wait()

    async def flush(self) -> None:
        """Wait until what was fed has been given out."""
        async with self._turn:
            if not len(self._ring):
                return
            flushed = asyncio.get_running_loop().create_future()
            self._flushes.append(flushed)
        await flushed

    def clear(self) -> None:
        """Drop what was not given out yet."""
        self._ring.clear()
        self._fed = False
        self._room.set()

    def end(self) -> None:
        """Nothing will be given out any more; let those go who wait."""
        self._ended = True
        self.clear()
        self._let_go()

    def expect_loss(self, percent: int) -> None:
        """The other side reports that it misses so many packets in a hundred.

        While it misses none, CELT is used: at the rates that are usual here it is at least as true
        to the sound as SILK, in less than half the time. Only SILK puts copies of the packet before
        into packets, so it takes over when there is loss, until there was none for a while.
        """
        encoder = self._encoder
        self._clean = 0 if percent else self._clean + 1
        if percent:
            encoder.packet_loss_percent = percent
            encoder.signal = "voice"
        elif self._clean == _CLEAN_REPORTS:
            encoder.packet_loss_percent = 0
            encoder.signal = "music"

    def tick(self) -> None:
        """Another 20 ms have passed."""
        self._due += 1

    def take(self) -> list[OutgoingPacket]:
        """Give out what is to be sent now."""
        packets = []
        while self._due:
            waiting = len(self._ring)
            if waiting >= self._frame:
                self._fed = True
            elif self._fed and not self._flushes:
                if self._due <= _PATIENCE:
                    break
                self._fed = False
            self._due -= 1
            packet = self._next(self._ring.read(min(waiting, self._frame)))
            if packet is not None:
                packets.append(packet)
            self._timestamp += FRAME_TICKS
        if self._turn.locked():
            self._room.set()
        if self._flushes and not len(self._ring):
            self._let_go()
        return packets

    def _next(self, samples: Samples) -> OutgoingPacket | None:
        if self.muted or peak_dbfs(samples) < _LEAST_DBFS:
            self.left(self._silence.tobytes())
            return self._silent_packet()
        if len(samples) < self._frame:
            samples = np.concatenate([samples, self._silence[len(samples) :]])
        self.left(samples.tobytes())
        marker = self._repeats or not self._timestamp
        self._silent, self._repeats = 0, False
        return OutgoingPacket(self._encoder.encode(samples), self._timestamp, marker)

    def _silent_packet(self) -> OutgoingPacket | None:
        self._silent += 1
        if not self._repeats:
            packet = self._encoder.encode(self._silence)
            self._repeats = len(packet) <= _SILENT_BYTES and packet == self._last
            self._last = packet
        elif self._dtx and self._silent % _DTX_INTERVAL:
            return None
        return OutgoingPacket(self._last, self._timestamp, marker=False)

    def _let_go(self) -> None:
        flushes, self._flushes = self._flushes, []
        for flushed in flushes:
            if not flushed.done():
                flushed.set_result(None)
        self._fed = False
