"""What a connection leaves behind."""

from __future__ import annotations

from typing import Any

import pytest
from no_collector import no_collector

from rtaudio.server import RealtimeServer
from rtaudio.server.items import ItemStore


@pytest.mark.parametrize("last", ["response.done", "response.created"])
async def test_the_sound_of_a_session_that_is_over_does_not_wait_for_the_collector(
    talk: Any, tone_voice: Any, last: str
) -> None:
    with no_collector(ItemStore) as conversations:
        async with talk(voice=tone_voice()) as client:
            await client.append(1.0, 8000)
            await client.send("input_audio_buffer.commit")
            await client.send("response.create")
            await client.until(last)
            assert conversations() == (1,)
        assert conversations() == (0,)


async def test_nor_does_that_of_a_call(engines: dict[str, Any], tone_voice: Any) -> None:
    pytest.importorskip("aiortc", reason="CALLS ARE NOT TESTED: pip install 'rtaudio[webrtc]'")
    from call_client import in_call

    with no_collector(ItemStore) as conversations:
        async with (
            RealtimeServer(**engines, voice=tone_voice()) as server,
            in_call(server.calls_url, None) as (client, _),
        ):
            await client.write("one two")
            await client.until("output_audio_buffer.stopped")
            assert conversations() == (1,)
        assert conversations() == (0,)
