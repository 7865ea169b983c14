"""Measures the delay that guardrails add to sound with `hold_audio`.

Usage: python bench/bench_guardrails.py [--json FILE]

A scripted service tells a story of twenty seconds, at the pace of speech and at four times that, as
services do: a word at a time, each a third of a second ahead of its sound, which comes in pieces of
100 ms. The guardrail takes as long as the row says and lets everything pass. Shown are the delay of
the first sound, the mean and the longest delay of all pieces, and how long a player that starts
with the first piece stands still afterwards, because it has nothing. All rows run at once, on one
loop.

What this does not show: a service whose words and sound lie differently. The delay is mostly the
wait for `debounce_text_length` characters, and for the word behind a piece of sound, which is the
same for any guardrail that is fast; the fewer characters, the less delay and the more checks.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import statistics
import time
from pathlib import Path
from typing import Any, NamedTuple

from rtaudio import GuardrailResult, OutputGuardrail, RealtimeAgent, RealtimeSession
from rtaudio.transports import ScriptedTransport

STORY = (
    "Once upon a time there was a lighthouse keeper who had counted every ship that passed his "
    "rock for forty years. He wrote their names into a book, the weather, and the colour of their "
    "sails. One night a ship came by that carried no light and made no sound, and when he looked "
    "for its name he found that it was already there."
)
CHARACTERS_PER_S = 15
PIECE_MS = 100
LEAD_S = 0.33
SOUND = base64.b64encode(bytes(PIECE_MS * 48)).decode()
PLACE = {"event_id": "e", "response_id": "r", "item_id": "a", "output_index": 0, "content_index": 0}


class Setting(NamedTuple):
    """One row: how often the text is checked, how long that takes, how fast the service speaks."""

    debounce: int
    guardrail_ms: float
    pace: float


SETTINGS = [
    Setting(debounce, guardrail_ms, pace)
    for pace in (1.0, 4.0)
    for debounce in (100, 25, 1)
    for guardrail_ms in (5.0, 50.0)
]


def script() -> list[tuple[float, dict[str, Any]]]:
    """What the service sends, and when, in seconds at the pace of speech."""
    story: list[tuple[float, dict[str, Any]]] = []
    said = 0
    for word in STORY.split(" "):
        delta = word if not said else f" {word}"
        kind = "response.output_audio_transcript.delta"
        story.append((said / CHARACTERS_PER_S, {"type": kind, "delta": delta, **PLACE}))
        said += len(delta)
    pieces = round(said / CHARACTERS_PER_S * 1000 / PIECE_MS)
    for piece in range(pieces):
        at = LEAD_S + piece * PIECE_MS / 1000
        story.append((at, {"type": "response.output_audio.delta", "delta": SOUND, **PLACE}))
    story.sort(key=lambda each: each[0])
    end = story[-1][0]
    kind = "response.output_audio_transcript.done"
    story.append((end, {"type": "response.output_audio.done", **PLACE}))
    story.append((end, {"type": kind, "transcript": STORY, **PLACE}))
    return story


async def measure(setting: Setting) -> dict[str, float]:
    """Tell the story once, and look when its sound is delivered."""

    async def check(_ctx: Any, _agent: Any, _text: str) -> GuardrailResult:
        await asyncio.sleep(setting.guardrail_ms / 1000)
        return GuardrailResult(False)

    transport = ScriptedTransport()
    session = RealtimeSession(
        RealtimeAgent("a", output_guardrails=[OutputGuardrail("check", check)]),
        transport=transport,
        output_guardrail_settings={"hold_audio": True, "debounce_text_length": setting.debounce},
    )
    delays: list[float] = []
    delivered: list[float] = []
    finished = asyncio.Event()

    def on_audio(event: Any) -> None:
        delays.append(event.held_ms)
        delivered.append(time.monotonic())

    session.on("audio", on_audio)
    session.on("audio_stopped", lambda _event: finished.set())
    story = script()
    async with session:
        created = {"type": "response.created", "event_id": "e"}
        transport.emit({**created, "response": {"id": "r", "output": []}})
        begin = time.monotonic()
        for at, event in story:
            await asyncio.sleep(begin + at / setting.pace - time.monotonic())
            transport.emit(event)
        await finished.wait()
    pieces = sum(event["type"] == "response.output_audio.delta" for _, event in story)
    if len(delays) != pieces:
        raise SystemExit(f"{setting}: {len(delays)} of {pieces} pieces were delivered")
    stall, dry_at = 0.0, delivered[0]
    for at in delivered:
        stall += max(0.0, at - dry_at)
        dry_at = max(dry_at, at) + PIECE_MS / 1000
    return {
        "first_ms": delays[0],
        "mean_ms": statistics.fmean(delays),
        "longest_ms": max(delays),
        "stall_ms": stall * 1000,
    }


async def measure_all() -> list[dict[str, float]]:
    """Every row, all at once."""
    measured = await asyncio.gather(*map(measure, SETTINGS))
    return [{**setting._asdict(), **row} for setting, row in zip(SETTINGS, measured, strict=True)]


def main() -> None:
    """Measure, print, and write where that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = asyncio.run(measure_all())
    print("added delay in ms           first   mean  longest  player stands still")
    for row in rows:
        print(
            f"{row['pace']:.0f}x, every {row['debounce']:3.0f}, {row['guardrail_ms']:2.0f} ms  "
            f"{row['first_ms']:10.0f} {row['mean_ms']:6.0f} {row['longest_ms']:8.0f} "
            f"{row['stall_ms']:11.0f}"
        )
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
