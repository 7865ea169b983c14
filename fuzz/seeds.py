"""Writes the small corpora from which fuzzing starts.

Usage: python fuzz/seeds.py FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from rtaudio.audio import OpusEncoder

DELTA = {
    "type": "response.output_audio.delta",
    "event_id": "event_1",
    "response_id": "resp_1",
    "item_id": "item_1",
    "output_index": 0,
    "content_index": 0,
    "delta": "AAECAwQFBgcICQoLDA0ODw==",
}
ITEM = {
    "id": "item_1",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_audio", "transcript": "hello"}],
}
EVENTS = [
    DELTA,
    {**DELTA, "type": "response.audio.delta", "delta": "//79/Pv6"},
    {"type": "error", "event_id": "e", "error": {"type": "t", "code": None, "message": "m"}},
    {"type": "session.created", "event_id": "e", "session": {"type": "realtime", "model": "m"}},
    {"type": "transcription_session.updated", "session": {"input_audio_format": "pcm16"}},
    {"type": "conversation.item.added", "previous_item_id": None, "item": ITEM},
    {"type": "response.output_item.done", "response_id": "r", "output_index": 0, "item": ITEM},
    {
        "type": "response.done",
        "response": {"id": "r", "status": "completed", "output": [ITEM], "usage": {}},
    },
    {"type": "input_audio_buffer.speech_started", "item_id": "i", "audio_start_ms": 20},
    {"type": "rate_limits.updated", "rate_limits": [{"name": "tokens", "limit": 5}]},
]
# 20 ms at each: the codec's three modes, mono and stereo.
OPUS = [(8000, 1, "voip"), (16000, 1, "voip"), (24000, 1, "audio"), (48000, 2, "audio")]
OPUS_RATES = (8000, 12000, 16000, 24000, 48000)


def wire() -> list[bytes]:
    """Messages as they are, in two forms; plans of audio deltas; sound to append."""
    messages = [json.dumps(event, separators=(",", ":")).encode() for event in EVENTS]
    seeds = [bytes([form]) + message for message in messages for form in (0, 8)]
    seeds += [
        bytes([2, 0, *[0] * 13, oddity, 5, 0, 61, 1]) + bytes(range(48)) for oddity in range(8)
    ]
    return [*seeds, b"\x03\x00" + bytes(range(100)), b"\x03\x01\x05event" + bytes(33)]


def opus() -> list[bytes]:
    """Each kind of packet decoded, then a gap, then the packet again for its copy of the last."""
    seeds = []
    for rate, channels, application in OPUS:
        encoder = OpusEncoder(rate, channels=channels, application=application, fec=True)
        wave = 9000 * np.sin(np.arange(rate // 50 * channels) * 0.07)
        packet = encoder.encode(wave.astype(np.int16))[:255]
        first = OPUS_RATES.index(rate) + 5 * (channels - 1)
        step = bytes([128, len(packet)]) + packet
        seeds.append(bytes([first]) + step + b"\x06\x08" + bytes([160]) + step[1:])
    return seeds


def resample() -> list[bytes]:
    """A few rates, qualities and cuts."""
    heads = [(0, 0), (1, 8), (6, 17), (2, 10), (15, 0), (13, 16), (252, 0, 64, 64, 31, 9)]
    return [
        bytes([*head, 200, 1, 15]) + bytes(range(60, 92)) + bytes([64, 40, 1, 33] * 12)
        for head in heads
    ]


def main(folder: Path) -> None:
    for target, seeds in (("wire", wire()), ("opus", opus()), ("resample", resample())):
        (folder / target).mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(seeds):
            (folder / target / f"seed-{number:02}").write_bytes(seed)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
