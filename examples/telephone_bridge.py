"""The skeleton of a telephone bridge: 8 kHz mu-law both ways, 20 ms at a time.

Usage: python examples/telephone_bridge.py. `Call` is where your telephony comes in: here it is a
short call that is all prepared, as is the model; with a service, leave out `transport` and the
lines with `model`.

Three things matter to a caller. Frames go out at the pace at which they are spoken, not as fast
as the model makes them. What waits to be spoken is thrown away as soon as the caller interrupts.
And the model learns how much of its answer was really heard, because the bridge says what it has
played.
"""

from __future__ import annotations

import asyncio
from collections import deque

import numpy as np

from rtaudio import PlaybackTracker, RealtimeAgent, RealtimeSession
from rtaudio.audio import AudioFormat, ulaw_encode
from rtaudio.transports import ScriptedModel, ScriptedTransport

PHONE = AudioFormat("pcmu", 8000)
FRAME_BYTES = 160  # 20 ms
FRAME_S = 0.02


class Call:
    """A caller who listens, and speaks for a moment."""

    def __init__(self) -> None:
        self.heard = 0
        tone = 8000 * np.sin(np.arange(1600) * 2 * np.pi * 440 / 8000)
        self._speech = ulaw_encode(tone.astype(np.int16))

    async def frames(self):
        """Yield what the caller says, a frame at a time."""
        for start in range(0, len(self._speech), FRAME_BYTES):
            yield self._speech[start : start + FRAME_BYTES]

    async def play(self, frame: bytes) -> None:
        """Hand a frame to the caller's ear."""
        self.heard += len(frame)


class Bridge:
    """Between a call and a session."""

    def __init__(self, call: Call, session: RealtimeSession, tracker: PlaybackTracker) -> None:
        self._call = call
        self._tracker = tracker
        # What is still to be spoken, with what it is part of.
        self._frames: deque[tuple[str, int, bytes]] = deque()
        self._rest = b""
        session.on("audio", self._on_audio)
        session.on("audio_interrupted", self._on_interrupted)

    def _on_audio(self, event) -> None:
        data = self._rest + event.data
        whole = len(data) - len(data) % FRAME_BYTES
        self._rest = data[whole:]
        for start in range(0, whole, FRAME_BYTES):
            frame = data[start : start + FRAME_BYTES]
            self._frames.append((event.item_id, event.content_index, frame))

    def _on_interrupted(self, _event) -> None:
        print(f"interrupted: {len(self._frames) * FRAME_S:.2f} s are not spoken")
        self._frames.clear()
        self._rest = b""

    async def speak(self) -> None:
        """Play frames by the clock; a late frame does not delay those behind it."""
        clock = asyncio.get_running_loop().time
        due = clock()
        while True:
            if self._frames:
                item_id, index, frame = self._frames.popleft()
                await self._call.play(frame)
                self._tracker.on_play_bytes(item_id, index, frame)
            due = max(due + FRAME_S, clock() - FRAME_S)
            await asyncio.sleep(due - clock())


async def main() -> None:
    call = Call()
    tracker = PlaybackTracker()
    transport = ScriptedTransport()
    model = ScriptedModel(transport)
    async with RealtimeSession(
        RealtimeAgent("Clerk", "Answer the telephone."),
        transport=transport,
        input_audio=PHONE,
        output_audio=PHONE,
        playback_tracker=tracker,
    ) as session:
        bridge = Bridge(call, session, tracker)
        speaking = asyncio.create_task(bridge.speak())
        model.says("Good morning. How can I help you?", audio=bytes(48_000), end=False)
        await asyncio.sleep(0.3)
        async for frame in call.frames():
            await session.send_audio(frame)
        model.hears("Hello?")
        await asyncio.sleep(FRAME_S)
        cut = [c.event for c in transport.calls if c.event.get("type", "").endswith("truncate")]
        heard_ms = call.heard // 8
        print("the model knows what was heard:", cut[0]["audio_end_ms"] == heard_ms)
        speaking.cancel()


if __name__ == "__main__":
    asyncio.run(main())
