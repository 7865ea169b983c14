"""The console's modules for sound, each by itself in the browser."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import numpy as np

RESAMPLE = """async ([from, to, hertz, chunk]) => {
  const { Resampler } = await import("/console/sound/resampler.js");
  const input = Float32Array.from({ length: from }, (_, n) => Math.sin(2 * Math.PI * hertz * n / from));
  const resampler = new Resampler(from, to);
  const output = [];
  for (let at = 0; at < input.length; at += chunk) {
    output.push(...resampler.process(input.subarray(at, at + chunk)));
  }
  return output;
}"""  # noqa: E501 - not Python

ENCODE = """async () => {
  const { decodePcm, encodePcm } = await import("/console/sound/pcm.js");
  const base64 = encodePcm(Float32Array.of(0, 0.5, -0.5, 1, -1, 3, -3));
  return [base64, [...decodePcm(base64)]];
}"""

# Plays two items offline, as if they had come before the beginning, and clears at the sample 384,
# which is 3 blocks of 128.
PLAY = """async () => {
  const context = new OfflineAudioContext(1, 1024, 24000);
  await context.audioWorklet.addModule("/console/sound/playback_worklet.js");
  const player = new AudioWorkletNode(context, "playback", {
    numberOfInputs: 0, outputChannelCount: [1], processorOptions: { capacity: 1000 },
  });
  player.connect(context.destination);
  const told = [];
  const waiting = {};
  player.port.onmessage = ({ data }) => { told.push(data); waiting[data.type]?.(); };
  const answer = (type) => new Promise((resolve) => { waiting[type] = resolve; });
  const sound = (length, first) => Float32Array.from({ length }, (_, n) => (first + n) / 4096);
  const post = (type, item, samples) => player.port.postMessage({ type, item, samples });
  context.suspend(0).then(async () => {
    post("add", "a", sound(100, 1));
    post("add", "a", sound(37, 101));
    post("end", "a");
    post("add", "b", sound(800, 138));
    post("add", "c", sound(10, 0));
    post("add", "d", sound(1000, 0));
    await answer("full");
    context.resume();
  });
  context.suspend(384 / 24000).then(async () => {
    post("clear");
    await answer("cleared");
    context.resume();
  });
  const rendered = await context.startRendering();
  return [[...rendered.getChannelData(0)].map((x) => x * 4096), told];
}"""


async def test_sound_is_the_same_at_another_rate_however_it_is_cut(console: Any) -> None:
    to = 24000
    async with console() as it:
        for rate in (48000, 44100, 16000):
            whole = np.array(await it.page.evaluate(RESAMPLE, [rate, to, 1000, rate]))
            pieces = np.array(await it.page.evaluate(RESAMPLE, [rate, to, 1000, 128]))
            assert np.array_equal(whole, pieces)
            assert 0 <= to - len(whole) < 50  # what is missing needs input that has not come
            error = whole - np.sin(2 * np.pi * 1000 * np.arange(len(whole)) / to)
            assert np.abs(error[100:]).max() < 10 ** (-60 / 20)  # behind the onset
        # What the lower rate cannot hold is taken out.
        left = np.array(await it.page.evaluate(RESAMPLE, [48000, to, 15000, 128]))
        assert np.abs(left[100:]).max() < 10 ** (-60 / 20)


async def test_samples_become_pcm16_clipped_at_full_scale(console: Any) -> None:
    async with console() as it:
        base64, floats = await it.page.evaluate(ENCODE)
    pcm = np.array([0, 16384, -16383, 32767, -32767, 32767, -32767], np.int16)
    assert np.frombuffer(b64decode(base64), np.int16).tolist() == pcm.tolist()
    assert floats == (pcm / 32768).tolist()


async def test_playback_has_no_seams_counts_to_the_sample_and_is_silent_once_cleared(
    console: Any,
) -> None:
    async with console() as it:
        rendered, told = await it.page.evaluate(PLAY)
    assert rendered == [*range(1, 385), *([0] * (1024 - 384))]
    assert told == [
        {"type": "full"},  # item "d" would have been too much
        {"type": "began", "item": "a"},
        {"type": "began", "item": "b"},
        # Item "a" was played to its end. 384 - 137 samples at 24 kHz:
        {"type": "cleared", "heard": [{"item": "b", "ms": 10}, {"item": "c", "ms": 0}]},
    ]
