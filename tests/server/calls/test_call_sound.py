"""What a call's client says on its way to the session. The clock is the test's own."""

from __future__ import annotations

import asyncio

import pytest

from rtaudio.server.calls.call_sound import CallSound, opus_rate

FRAME = 640  # bytes of 20 ms at 16 kHz
SAID = b"\1\0" * (FRAME // 2)


def pass_frames(sound: CallSound, count: int) -> None:
    for _ in range(count):
        sound.outgoing.tick()
        sound.outgoing.take()


@pytest.fixture
async def sound() -> CallSound:
    return CallSound(16_000, 24_000, lambda _text: None)


async def test_what_is_said_arrives(sound: CallSound) -> None:
    pieces = aiter(sound)
    sound.hear(SAID)
    sound.hear(SAID)
    assert await anext(pieces) == 2 * SAID
    waiting = asyncio.ensure_future(anext(pieces))
    await asyncio.sleep(0)
    sound.hear(SAID)
    assert await waiting == SAID
    sound.end()
    with pytest.raises(StopAsyncIteration):
        await anext(pieces)


async def test_silence_stands_in_for_packets_that_stay_away(sound: CallSound) -> None:
    pieces = aiter(sound)
    sound.hear(SAID)
    pass_frames(sound, 10)  # jitter only, so far
    assert await anext(pieces) == SAID
    pass_frames(sound, 5)
    assert await anext(pieces) == bytes(5 * FRAME)
    sound.hear(SAID)
    pass_frames(sound, 10)
    assert await anext(pieces) == SAID


async def test_of_what_is_not_dealt_with_the_oldest_goes(sound: CallSound) -> None:
    for number in range(2000):
        sound.hear(number.to_bytes(2, "little") * (FRAME // 2))
    piece = await anext(aiter(sound))
    assert len(piece) == 30 * 50 * FRAME
    assert piece[:2] == (500).to_bytes(2, "little")


@pytest.mark.parametrize(
    ("rate", "opus"),
    [(8000, 8000), (11_025, 12_000), (16_000, 16_000), (22_050, 24_000), (44_100, 48_000)],
)
def test_sound_travels_at_a_rate_that_leaves_nothing_out(rate: int, opus: int) -> None:
    assert opus_rate(rate) == opus


def test_nothing_is_faster_than_opus() -> None:
    assert opus_rate(96_000) == 48_000
