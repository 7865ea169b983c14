"""A turn by push-to-talk: hold, speak, let go, and the answer comes as text and sound.

Usage: python examples/push_to_talk.py [SOUND FILE]. A script plays the model; with a service, leave
out `transport` and the lines with `model`.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from rtaudio import RealtimeAgent, RealtimeSession
from rtaudio.audio import AudioClip, AudioFormat, load
from rtaudio.transports import ScriptedModel, ScriptedTransport

QUESTION = Path(__file__).parent.parent / "samples" / "alice.flac"

# Without turn detection the application says when a turn is over.
CONFIG = {"audio": {"input": {"turn_detection": None}}}


def while_held(clip: AudioClip):
    """What a microphone gives while the button is down: pieces of 20 ms."""
    step = clip.sample_rate // 50
    for start in range(0, len(clip.samples), step):
        yield clip.samples[start : start + step]


async def main() -> None:
    clip = load(sys.argv[1] if len(sys.argv) > 1 else QUESTION)
    transport = ScriptedTransport()
    model = ScriptedModel(transport)
    async with RealtimeSession(
        RealtimeAgent("Reader", "Say what you have heard."),
        transport=transport,
        config=CONFIG,
        input_audio=AudioFormat("pcm16", clip.sample_rate, channels=clip.channels),
    ) as session:
        speaker = bytearray()
        session.on("audio", lambda event: speaker.extend(event.data))
        session.on("transcript_delta", lambda event: print(event.delta, end="", flush=True))
        session.on("agent_end", lambda _event: print())

        # Pressing the button cuts off whatever is being said.
        await session.interrupt()
        for piece in while_held(clip):
            await session.send_audio(piece)
        # Letting go ends the turn; the answer has to be asked for.
        await session.commit_audio()
        await session.request_response()

        model.commits("Tired of sitting by her sister.")
        model.says("Somebody is tired of sitting by her sister.", audio=bytes(96_000))
        print(f"asked for {clip.duration:.1f} s, answered for {len(speaker) / 48_000:.1f} s")


if __name__ == "__main__":
    asyncio.run(main())
