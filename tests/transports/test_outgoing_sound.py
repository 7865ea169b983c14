from __future__ import annotations

import asyncio

import numpy as np
import pytest

from rtaudio.audio import OpusDecoder, opus_packet_info
from rtaudio.errors import ConnectionLost
from rtaudio.transports.outgoing_sound import OutgoingPacket, OutgoingSound

FRAME = 480


def tone(frames: float) -> bytes:
    count = round(frames * FRAME)
    return (8000 * np.sin(2 * np.pi * 440 / 24000 * np.arange(count))).astype(np.int16).tobytes()


def make(*, dtx: bool = False) -> OutgoingSound:
    return OutgoingSound(24000, bitrate=48000, complexity=5, dtx=dtx)


def is_silent(packet: OutgoingPacket) -> bool:
    return len(packet.payload) <= 3


def tick(sound: OutgoingSound, times: int = 1) -> list[OutgoingPacket]:
    packets = []
    for _ in range(times):
        sound.tick()
        packets += sound.take()
    return packets


@pytest.fixture
def sound() -> OutgoingSound:
    return make()


def test_without_sound_there_is_silence(sound: OutgoingSound) -> None:
    packets = tick(sound, 5)
    assert [packet.timestamp for packet in packets] == [0, 960, 1920, 2880, 3840]
    decoder = OpusDecoder(24000)
    for packet in packets:
        assert abs(decoder.decode(packet.payload).astype(int)).max() <= 1


async def test_what_is_fed_comes_out_at_its_pace(sound: OutgoingSound) -> None:
    await sound.feed(tone(5))
    packets = tick(sound, 5)
    assert len(packets) == 5
    decoder = OpusDecoder(24000)
    heard = np.concatenate([decoder.decode(packet.payload) for packet in packets])
    assert abs(heard.astype(int)).max() > 6000
    assert [packet.marker for packet in packets] == [True] + [False] * 4


async def test_sound_that_is_late_is_made_up_for(sound: OutgoingSound) -> None:
    await sound.feed(tone(1))
    assert len(tick(sound)) == 1
    assert tick(sound, 2) == []
    await sound.feed(tone(2))
    late = sound.take()
    assert [packet.timestamp for packet in late] == [960, 1920]
    assert not any(is_silent(packet) for packet in late)


async def test_sound_that_is_much_too_late_is_silence(sound: OutgoingSound) -> None:
    await sound.feed(tone(1))
    tick(sound)
    assert tick(sound, 3) == []
    packets = tick(sound)
    assert len(packets) == 4
    await sound.feed(tone(1))
    assert tick(sound)[0].timestamp == 960 * 5


async def test_the_end_of_the_sound_gets_out_of_the_encoder_before_silence_takes_over(
    sound: OutgoingSound,
) -> None:
    await sound.feed(tone(3.5))
    packets = tick(sound, 14)
    decoder = OpusDecoder(24000)
    heard = np.concatenate([decoder.decode(packet.payload) for packet in packets])
    lag = 156  # of the encoder, at this rate
    played = heard[lag : lag + round(3.5 * FRAME)].astype(float)
    given = np.frombuffer(tone(3.5), np.int16).astype(float)
    assert np.corrcoef(played[FRAME:], given[FRAME:])[0, 1] > 0.97
    assert {packet.payload for packet in packets[-4:]} == {packets[-1].payload}
    assert is_silent(packets[-1])


async def test_sound_after_silence_is_marked_and_as_loud_as_before(sound: OutgoingSound) -> None:
    decoder = OpusDecoder(24000)
    for _ in range(3):
        await sound.feed(tone(3))
        packets = tick(sound, 30)
        assert [packet.marker for packet in packets].index(True) == 0
        heard = [decoder.decode(packet.payload).astype(int) for packet in packets]
        assert 7000 < abs(heard[1]).max() < 9500


async def test_discontinuous_transmission_sends_one_packet_in_twenty_while_silent() -> None:
    sound = make(dtx=True)
    packets = tick(sound, 100)
    numbers = [packet.timestamp // 960 for packet in packets]
    assert numbers[-4:] == [39, 59, 79, 99]
    assert len(numbers) < 10
    await sound.feed(tone(1))
    assert tick(sound)[0].marker


async def test_muted_sound_is_silence_and_is_not_kept_for_later(sound: OutgoingSound) -> None:
    sound.muted = True
    await sound.feed(tone(10))
    assert all(is_silent(packet) for packet in tick(sound, 10)[3:])
    sound.muted = False
    await sound.feed(tone(1))
    assert not is_silent(tick(sound)[0])
    assert is_silent(tick(sound, 8)[-1])


async def test_whoever_feeds_more_than_half_a_second_waits(sound: OutgoingSound) -> None:
    feeding = asyncio.ensure_future(sound.feed(tone(50)))
    next_one = asyncio.ensure_future(sound.feed(tone(1)))
    packets = []
    for done in range(51):
        await asyncio.sleep(0)
        assert feeding.done() == (done >= 25)
        packets += tick(sound)
        await asyncio.sleep(0)
    assert next_one.done()
    assert len(packets) == 51
    assert not any(is_silent(packet) for packet in packets)


async def test_flushing_waits_until_all_is_out_and_not_for_what_might_come(
    sound: OutgoingSound,
) -> None:
    await sound.flush()
    await sound.feed(tone(2.5))
    flushing = asyncio.ensure_future(sound.flush())
    await asyncio.sleep(0)
    tick(sound, 2)
    await asyncio.sleep(0)
    assert not flushing.done()
    assert len(tick(sound)) == 1
    await flushing


async def test_what_is_cleared_is_not_sent(sound: OutgoingSound) -> None:
    await sound.feed(tone(10))
    sound.clear()
    packets = tick(sound, 5)
    assert abs(OpusDecoder(24000).decode(packets[0].payload).astype(int)).max() <= 1


async def test_what_has_left_is_told_without_a_gap(sound: OutgoingSound) -> None:
    left: list[bytes] = []
    sound.left = left.append
    await sound.feed(tone(1.5))
    tick(sound, 7)
    sound.muted = True
    await sound.feed(tone(1))
    tick(sound)
    assert [len(pcm) for pcm in left] == [2 * FRAME] * 8
    assert b"".join(left) == tone(1.5) + bytes(2 * round(6.5 * FRAME))


async def test_who_waits_is_let_go_at_the_end(sound: OutgoingSound) -> None:
    feeding = asyncio.ensure_future(sound.feed(tone(100)))
    await asyncio.sleep(0)
    sound.end()
    with pytest.raises(ConnectionLost):
        await feeding
    with pytest.raises(ConnectionLost):
        await sound.feed(tone(1))
    await sound.flush()


async def test_copies_are_sent_while_the_other_side_misses_packets(sound: OutgoingSound) -> None:
    async def modes() -> tuple[set[str], bool]:
        await sound.feed(tone(20))
        infos = [opus_packet_info(packet.payload) for packet in tick(sound, 20)]
        return {info.mode for info in infos[5:]}, any(info.has_fec for info in infos[5:])

    assert await modes() == ({"celt"}, False)
    sound.expect_loss(10)
    found, copies = await modes()
    assert copies
    assert "celt" not in found
    for _ in range(10):
        sound.expect_loss(0)
    assert await modes() == ({"celt"}, False)


async def test_how_much_waits_and_how_much_room_there_is_can_be_asked() -> None:
    sound = OutgoingSound(24000, bitrate=48000, complexity=5, dtx=False, room_s=0.2)
    assert (sound.waiting, sound.free) == (0, 4800)
    await sound.feed(tone(3))
    assert (sound.waiting, sound.free) == (3 * FRAME, 4800 - 3 * FRAME)
    tick(sound)
    assert sound.waiting == 2 * FRAME
