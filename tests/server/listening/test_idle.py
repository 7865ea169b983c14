"""`idle_timeout_ms`: the user is asked again when nothing comes after a reply."""

from __future__ import annotations

from typing import Any

import pytest

from rtaudio.server.listening.idle import Silence

PCM = {"type": "audio/pcm", "rate": 16000}
ITEM = ("conversation.item.added", "conversation.item.done")
ASKED_AGAIN = (
    "input_audio_buffer.timeout_triggered",
    *ITEM,
    "input_audio_buffer.committed",
    *ITEM,
)


async def configure(client: Any, **listening: Any) -> dict[str, Any]:
    vad = {"type": "server_vad", "idle_timeout_ms": 5000, "silence_duration_ms": 96}
    vad |= {"prefix_padding_ms": 0, **listening.pop("vad", {})}
    settings = {"format": PCM, "turn_detection": vad, **listening}
    shown = await client.configure(audio={"input": settings})
    return shown["audio"]["input"]["turn_detection"]


async def reply(client: Any) -> None:
    await client.write("one two three")
    await client.send("response.create")
    await client.until("rate_limits.updated")


async def nothing_came(client: Any) -> None:
    await client.send("response.cancel")
    await client.receive("error")


def test_silence_begins_when_the_reply_was_played() -> None:
    silence = Silence(1000)
    assert silence.due(5000, 10**9) is None
    silence.replied(2000, 500.0)
    assert silence.due(None, 10**9) is None
    assert silence.due(5000, 7499) is None
    assert silence.due(5000, 7600) == (2500, 7500)
    assert silence.due(5000, 10**9) is None
    silence.replied(0, 0.0)
    silence.end()
    assert silence.due(5000, 10**9) is None


async def test_long_silence_after_a_reply_is_a_turn_of_its_own(talk: Any) -> None:
    async with talk() as client:
        assert (await configure(client))["idle_timeout_ms"] == 5000
        await client.append(6.0, 0)
        await nothing_came(client)  # no reply, no silence after it
        await reply(client)
        await client.append(4.96, 0)
        await nothing_came(client)
        await client.append(0.16, 0)
        timeout, note, _, committed, item, _ = await client.receive(*ASKED_AGAIN)
        assert (timeout["audio_start_ms"], timeout["audio_end_ms"]) == (6000, 11000)
        assert note["item"]["role"] == "system"
        assert "silent for 5 s" in note["item"]["content"][0]["text"]
        assert committed["item_id"] == timeout["item_id"] == item["item"]["id"]
        assert committed["previous_item_id"] == note["item"]["id"] == item["previous_item_id"]
        assert item["item"]["content"] == [{"type": "input_audio", "transcript": None}]
        *_, done, _ = await client.until("rate_limits.updated")
        assert done["response"]["output"][0]["content"][0]["text"] == "I heard nothing."
        # That was a reply again.
        await client.append(5.12, 0)
        (timeout, *_) = await client.receive(*ASKED_AGAIN)
        assert timeout["audio_start_ms"] == 11120


async def test_the_sound_of_the_reply_is_no_silence(talk: Any, tone_voice: Any) -> None:
    async with talk(voice=tone_voice()) as client:
        await configure(client)
        await reply(client)  # 300 ms
        await client.append(5.28, 0)
        await nothing_came(client)
        await client.append(0.16, 0)
        (timeout, *_) = await client.receive(*ASKED_AGAIN)
        assert timeout["audio_start_ms"] == pytest.approx(300, abs=5)


async def test_silence_is_not_given_to_the_recogniser(talk: Any, engines: dict[str, Any]) -> None:
    recogniser = engines["recogniser"]
    async with talk(recogniser=recogniser) as client:
        await configure(client, transcription={}, vad={"create_response": False})
        await reply(client)
        await client.append(5.12, 0)
        *_, heard = await client.receive(
            *ASKED_AGAIN, "conversation.item.input_audio_transcription.completed"
        )
        assert (heard["transcript"], heard["usage"]["seconds"]) == ("", 5.0)
        await nothing_came(client)
    assert recogniser.calls == 0


async def test_speech_ends_the_silence_and_comes_behind_what_came_before_it(talk: Any) -> None:
    async with talk() as client:
        await configure(client)
        await reply(client)
        await client.append(3.2, 0)
        await client.append(0.512, 5000)
        await client.append(4.0, 0)
        await client.until("rate_limits.updated")
        await client.append(4.96, 0)
        await nothing_came(client)
        silence, speech = b"\0\0" * 16000, b"\x88\x13" * 8192
        await client.append_bytes(silence + speech)
        timeout, *_, started = await client.receive(
            *ASKED_AGAIN, "input_audio_buffer.speech_started"
        )
        assert (timeout["audio_start_ms"], timeout["audio_end_ms"]) == (7712, 12712)
        assert started["audio_start_ms"] == pytest.approx(13672, abs=32)


async def test_where_no_timeout_is_set_silence_may_last(talk: Any) -> None:
    async with talk() as client:
        await configure(client, vad={"idle_timeout_ms": None})
        await reply(client)
        await client.append(60.0, 0)
        await nothing_came(client)
