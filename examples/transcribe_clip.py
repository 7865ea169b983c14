"""One recording through a realtime session, against the service on this machine.

Usage: python examples/transcribe_clip.py [FILE]    (needs the `local` extra)
"""

from __future__ import annotations

import asyncio
import sys

from rtaudio import RealtimeSession
from rtaudio.audio import AudioFormat, load
from rtaudio.server import RealtimeServer

CONFIG = {
    "type": "transcription",
    "audio": {"input": {"turn_detection": None, "transcription": {"language": "en"}}},
}


async def main(path: str) -> None:
    clip = load(path)
    sound = AudioFormat("pcm16", clip.sample_rate, channels=clip.channels)
    async with (
        RealtimeServer() as server,
        RealtimeSession(None, url=server.url, config=CONFIG, input_audio=sound) as session,
    ):
        await session.send_audio(clip.samples, commit=True)  # resampled to the wire's rate
        async for event in session:
            if event.type == "input_transcript_delta":
                print(event.delta, end="", flush=True)
            elif event.type == "transcript_completed":
                print()
                return
            elif event.type in ("transcript_failed", "error"):
                raise SystemExit(f"not transcribed: {event.error}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "samples/alice.flac"))
