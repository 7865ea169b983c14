"""The console as people use it who talk: the microphone plays real speech."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("playwright", reason="tests in a browser need `pip install playwright`")

from playwright.async_api import expect

if TYPE_CHECKING:
    from pathlib import Path

WORDS = "a truth universally acknowledged"  # what the microphone plays
NUMBER = re.compile(r"^-?\d+$")
PATIENT = 60_000  # ms: recognition takes its time where the machine is busy


@pytest.fixture
def real_engines() -> dict[str, Any]:
    pytest.importorskip("faster_whisper", reason="needs the recogniser: pip install '.[local]'")
    return {"recogniser": None, "detector": None}


async def test_what_is_said_is_read_and_answered_aloud(
    console: Any, speech: Path, tone_voice: Any, real_engines: dict[str, Any]
) -> None:
    async with console(speech, voice=tone_voice(), **real_engines) as it:
        await it.press("Talk")
        microphone = it.page.get_by_role("meter", name="Microphone")
        await expect(microphone).not_to_have_js_property("value", -60)
        await expect(it.said("You")).to_contain_text(WORDS, timeout=PATIENT)
        await expect(it.said("Assistant")).to_contain_text(WORDS, timeout=PATIENT)
        row = it.page.get_by_role("row", name="1 spoken").get_by_role("cell")
        for number in (1, 2, 3):
            await expect(row.nth(number)).to_have_text(NUMBER)
        await it.press("Mute")
        await expect(it.page.get_by_role("button", name="Talk")).to_be_visible()
        await expect(it.page.get_by_role("alert")).to_be_hidden()


async def test_push_to_talk_ends_a_turn_when_it_is_let_go(
    console: Any, speech: Path, real_engines: dict[str, Any]
) -> None:
    async with console(speech, **real_engines) as it:
        await it.page.get_by_label("Turn detection").select_option("None: push to talk")
        await it.press("Talk")
        await expect(it.page.get_by_role("button", name="Done")).to_be_visible()
        await it.wire.until(lambda: len(it.wire.of("input_audio_buffer.append")) > 4 * 25)
        await it.press("Done")
        await expect(it.said("You")).to_contain_text(WORDS, timeout=PATIENT)
        await expect(it.said("Assistant")).to_contain_text(WORDS, timeout=PATIENT)
        kinds = [event["type"] for event in it.wire.sent]
        assert kinds[-2:] == ["input_audio_buffer.commit", "response.create"]


async def test_speech_interrupts_an_answer_at_once(
    console: Any, speech: Path, tone_voice: Any
) -> None:
    async with console(speech, voice=tone_voice()) as it:
        await it.write(" ".join(["word"] * 300))  # 30 s
        level = it.page.get_by_role("meter", name="Answer")
        await expect(level).not_to_have_js_property("value", -60)
        await it.press("Talk")
        await expect(it.page.get_by_text("cut after")).to_be_visible()
        await expect(level).to_have_js_property("value", -60)
        (cut,) = it.wire.of("conversation.item.truncate")
        deltas = it.wire.of("response.output_audio.delta")
        sent_ms = sum(len(event["delta"]) for event in deltas) * 3 / 4 / 48
        assert 0 < cut["audio_end_ms"] < sent_ms
        # The turn that interrupted is answered as any other.
        await expect(it.said("Assistant")).to_contain_text("hello there", timeout=PATIENT)
        await expect(it.page.get_by_role("alert")).to_be_hidden()
