"""What the console shows, made from events of a script."""

from __future__ import annotations

from typing import Any

# Feeds events to `Turns`: each is [milliseconds, "sent" | "received" | "began", event or item].
MEASURE = """async (events) => {
  const { Turns } = await import("/console/view/turns.js");
  const turns = new Turns();
  for (const [time, how, what] of events) {
    if (how === "began") turns.began(what, time);
    else turns.take(how, what, time);
  }
  return turns.latest;
}"""

LOG = """async (count) => {
  const { EventLog } = await import("/console/view/event_log.js");
  const section = document.getElementById("events");
  const log = new EventLog(section, () => {});
  const sound = { type: "response.output_audio.delta", delta: "A".repeat(100) };
  log.add("received", sound);
  for (let number = 0; number < count; number++) log.add("sent", { type: `event.${number}` });
  const types = [...section.querySelectorAll("li code")].map((code) => code.textContent);
  section.querySelector("[name=sound]").checked = true;
  log.add("received", sound);
  section.querySelector("li:last-child details").open = true;
  await new Promise((resolve) => setTimeout(resolve));
  return [types, section.querySelector("pre").textContent];
}"""


def session(detection: dict[str, Any] | None) -> dict[str, Any]:
    settings = {"audio": {"input": {"turn_detection": detection}}}
    return {"type": "session.updated", "session": settings}


def answer(response: str, item: str, time: int) -> list[Any]:
    """A spoken answer: words 10 ms after `time`, sound 30 ms after it."""
    return [
        [time, "received", {"type": "response.created", "response": {"id": response}}],
        [
            time,
            "received",
            {
                "type": "response.output_item.added",
                "response_id": response,
                "item": {"id": item},
            },
        ],
        [
            time + 10,
            "received",
            {"type": "response.output_audio_transcript.delta", "response_id": response},
        ],
        [time + 30, "began", item],
    ]


async def measure(it: Any, events: list[Any]) -> list[tuple[Any, ...]]:
    turns = await it.page.evaluate(MEASURE, events)
    return [(turn["kind"], turn["transcript"], turn["text"], turn["sound"]) for turn in turns]


async def test_latency_counts_from_the_end_of_what_was_said(console: Any) -> None:
    completed = "conversation.item.input_audio_transcription.completed"
    detected = [
        [0, "received", session({"type": "server_vad", "silence_duration_ms": 500})],
        [1500, "received", {"type": "input_audio_buffer.speech_stopped", "item_id": "u"}],
        [1501, "received", {"type": "input_audio_buffer.committed", "item_id": "u"}],
        [1800, "received", {"type": completed, "item_id": "u"}],
        *answer("r1", "a1", 2000),
        *answer("r2", "a2", 3000),  # behind a call of a function; the first sound was before
    ]
    committed = [
        [0, "received", session(None)],
        [100, "sent", {"type": "input_audio_buffer.commit"}],
        [101, "received", {"type": "input_audio_buffer.committed", "item_id": "u"}],
        [300, "received", {"type": completed, "item_id": "u"}],
    ]
    typed = [
        [400, "sent", {"type": "conversation.item.create", "item": {"role": "user"}}],
        *answer("r", "a", 500),
    ]
    async with console() as it:
        assert await measure(it, detected) == [("spoken", 800, 1010, 1030)]
        assert await measure(it, committed + typed) == [
            ("typed", None, 110, 130),
            ("spoken", 200, None, None),
        ]


async def test_the_log_keeps_the_latest_events_and_the_beginning_of_sound(console: Any) -> None:
    async with console() as it:
        types, sound = await it.page.evaluate(LOG, 1200)
    assert types == [f"event.{number}" for number in range(200, 1200)]
    assert f'"{"A" * 32}… (100 characters)"' in sound
