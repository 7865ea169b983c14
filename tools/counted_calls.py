"""The calls whose instructions are counted, run in a process that callgrind watches.

Usage: python tools/counted_calls.py N. Prints one JSON object: `calls`, the names in the order they
ran, and `toolchain`, what the counts depend on.

Each call runs N times and then 2 N times. In front of every run stands `os.getsid`, which nothing
else here calls and at which callgrind writes down what it counted since the one before: what the
preparation took, N calls, 2 N calls. The difference of the latter two is N calls, without what
starting and ending a run costs.
"""

from __future__ import annotations

import base64
import gc
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator
from itertools import count, cycle

import numpy as np

from rtaudio._native import channels, levels
from rtaudio._native.frame_writer import FrameWriter
from rtaudio._native.rtp import RtpReceiver, RtpSender
from rtaudio._native.simd import simd_level
from rtaudio._native.sound_stream import Playhead, SoundLength, SoundStream
from rtaudio.audio import (
    JitterBuffer,
    OpusDecoder,
    OpusEncoder,
    PlayoutBuffer,
    Resampler,
    RingBuffer,
    alaw_decode,
    alaw_encode,
    libopus_version,
    opus_packet_info,
    ulaw_decode,
    ulaw_encode,
)
from rtaudio.conversation.events import Audio
from rtaudio.protocol import decode_server_event, encode_audio_append

Call = Callable[[], object]

RATES = [
    *[(24000, 16000), (16000, 24000), (8000, 24000), (48000, 24000)],
    *[(24000, 48000), (24000, 8000), (44100, 24000), (48000, 16000)],
]


def sound(count: int, channels: int = 1) -> np.ndarray:
    """The same loud, voice-like PCM16 on every machine: made with integers only."""
    n = np.arange(count * channels, dtype=np.int64)
    saw = (n * 131) % 4800 * 5 - 12000
    envelope = 2 + (n // 1200) % 6
    noise = (n * 1103515245 + 12345) // 65536 % 2001 - 1000
    return np.clip(saw * envelope // 8 + noise, -32768, 32767).astype(np.int16)


def resampling(sample_rate_in: int, sample_rate_out: int, quality: str) -> Call:
    resampler = Resampler(sample_rate_in, sample_rate_out, quality=quality)
    chunk = sound(sample_rate_in // 50)
    out = np.empty(sample_rate_out // 50, np.int16)
    return lambda: resampler.process_into(chunk, out)


def opus_encoding() -> Call:
    encoder = OpusEncoder(24000, complexity=10)
    frames = cycle(np.split(sound(24000), 50))
    packet = bytearray(1500)
    return lambda: encoder.encode_into(next(frames), packet)


def opus_decoding() -> Call:
    encoder, decoder = OpusEncoder(24000, complexity=10), OpusDecoder(24000)
    packets = cycle([encoder.encode(frame) for frame in np.split(sound(24000), 50)])
    out = np.empty(480, np.int16)
    return lambda: decoder.decode_into(next(packets), out)


def ring_turn() -> Call:
    ring = RingBuffer(4800)
    chunk, out = sound(480), np.empty(480, np.int16)

    def turn() -> None:
        ring.write(chunk)
        ring.read_into(out)

    return turn


def jitter_turn(buffer: JitterBuffer | PlayoutBuffer) -> Call:
    """A packet that comes on time, and one that is played."""
    codes, out, numbers = ulaw_encode(sound(160)), np.empty(160, np.int16), count()
    reads = isinstance(buffer, PlayoutBuffer)

    def turn() -> None:
        number = next(numbers)
        buffer.push(codes, number * 0.02, number, number * 160)
        if reads:
            buffer.read_into(out, number * 0.02)
        else:
            buffer.pull(number * 0.02)

    return turn


def opus_playout() -> Call:
    encoder, buffer = OpusEncoder(24000), PlayoutBuffer("opus", 24000, min_delay_ms=60)
    packets = cycle([encoder.encode(frame) for frame in np.split(sound(24000), 50)])
    out, numbers = np.empty(480, np.int16), count()

    def turn() -> None:
        number = next(numbers)
        buffer.push(next(packets), number * 0.02, number, number * 960)
        buffer.read_into(out, number * 0.02)

    return turn


def rtp_packing() -> Call:
    sender = RtpSender(1, 111, extension=bytes([1, 2, 0, 1, 3, 4, 5, 6]))
    payload, numbers = bytes(120), count()
    return lambda: sender.pack(payload, next(numbers) * 960)


def rtp_turn() -> Call:
    """A packet that is sent, comes on time, and is played."""
    buffer = PlayoutBuffer("pcmu", 8000, min_delay_ms=60)
    receiver, sender = RtpReceiver(buffer), RtpSender(1, 0)
    codes, out, numbers = ulaw_encode(sound(160)), np.empty(160, np.int16), count()

    def turn() -> None:
        number = next(numbers)
        receiver.receive(sender.pack(codes, number * 160), number * 0.02)
        buffer.read_into(out, number * 0.02)

    return turn


def delta_message() -> bytes:
    fields = {
        "type": "response.output_audio.delta",
        "event_id": "event_0123456789",
        "response_id": "resp_0123456789",
        "item_id": "item_0123456789",
        "output_index": 0,
        "content_index": 0,
        "delta": base64.b64encode(sound(2400).tobytes()).decode(),
    }
    return json.dumps(fields).encode()


def delta_decoding() -> Call:
    message = delta_message()
    return lambda: decode_server_event(message)


def delta_streaming() -> Call:
    stream = SoundStream()
    place = ("resp_0123456789", "item_0123456789", 0)
    lengths = (SoundLength(), SoundLength(), SoundLength())
    stream.open(*place, 48.0, Playhead(), lengths, Audio)
    message = delta_message()
    return lambda: stream.read(message, 0.0)


def frame_writer() -> FrameWriter:
    class Nowhere:
        def get_write_buffer_size(self) -> int:
            return 0

        def is_closing(self) -> bool:
            return False

        def write(self, frame: bytes) -> None:
            pass

    return FrameWriter(-1, Nowhere())


def all_calls() -> Iterator[tuple[str, Call]]:
    """Every counted call with its name; 20 ms at 24 kHz mono unless the name says more."""
    for rate_in, rate_out in RATES:
        for quality in ("fast", "balanced", "high"):
            yield f"resample {rate_in}>{rate_out} {quality}", resampling(rate_in, rate_out, quality)
    yield "opus encode", opus_encoding()
    yield "opus decode", opus_decoding()
    yield "delta event 100 ms", delta_decoding()
    yield "delta streamed 100 ms", delta_streaming()
    second = sound(2400)
    yield "append event 100 ms", lambda: encode_audio_append(second)
    writer, pcm, text = frame_writer(), sound(480).tobytes(), delta_message()
    yield "append frame", lambda: writer.send_append(pcm)
    yield "text frame 100 ms", lambda: writer.send(text)
    yield "ring write and read_into", ring_turn()
    yield "jitter push and pull", jitter_turn(JitterBuffer("pcmu", min_delay_ms=60))
    yield "playout push and read_into", jitter_turn(PlayoutBuffer("pcmu", 8000, min_delay_ms=60))
    yield "opus playout push and read_into", opus_playout()
    yield "rtp pack", rtp_packing()
    yield "rtp pack, receive, read_into", rtp_turn()
    packet = OpusEncoder(24000).encode(sound(480))
    yield "packet info", lambda: opus_packet_info(packet)
    phone = sound(160)
    for name, encode, decode in (
        ("ulaw", ulaw_encode, ulaw_decode),
        ("alaw", alaw_encode, alaw_decode),
    ):
        codes = encode(phone)
        yield f"{name} encode 8 kHz", lambda encode=encode: encode(phone)
        yield f"{name} decode 8 kHz", lambda decode=decode, codes=codes: decode(codes)
    frame, out = sound(480), np.empty(480, np.int16)
    floats = channels.to_float32(frame)
    yield "rms_dbfs", lambda: levels.rms_dbfs(frame)
    yield "peak_dbfs", lambda: levels.peak_dbfs(frame)
    yield "mix_into", lambda: levels.mix_into(out, frame, frame)
    yield "mix_into with gains", lambda: levels.mix_into(out, frame, frame, factors=(0.7, 0.3))
    yield "apply_gain_into", lambda: levels.apply_gain_into(frame, factor=0.7, out=out)
    yield "to_mono_into", lambda: channels.to_mono_into(frame, 2, out)
    both = np.empty(960, np.int16)
    yield "to_stereo_into", lambda: channels.to_stereo_into(frame, None, both)
    yield "split_channels", lambda: channels.split_channels(frame, 2)
    yield "to_float32_into", lambda: channels.to_float32_into(frame, floats)
    yield "to_int16_into", lambda: channels.to_int16_into(floats, out)


def repeat(call: Call, times: int) -> None:
    for _ in range(times):
        call()


def toolchain() -> dict[str, str]:
    """What a count depends on besides the code and its compiler."""
    return {
        "python": f"{platform.python_version()}, {platform.python_compiler()}",
        "numpy": np.__version__,
        "libopus": libopus_version(),
        "simd": simd_level(),
        "machine": platform.machine(),
    }


def main(times: int) -> None:
    gc.disable()
    names = []
    for name, call in all_calls():
        repeat(call, times)  # fills caches, and lets the interpreter specialise its code
        os.getsid(0)
        repeat(call, times)
        os.getsid(0)
        repeat(call, 2 * times)
        os.getsid(0)
        names.append(name)
    print(json.dumps({"calls": names, "toolchain": toolchain()}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
