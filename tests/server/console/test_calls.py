"""The console over WebRTC."""

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


async def test_what_is_said_is_read_and_answered_aloud(
    console: Any, speech: Path, tone_voice: Any
) -> None:
    pytest.importorskip("faster_whisper", reason="needs the recogniser: pip install '.[local]'")
    real: Any = {"recogniser": None, "detector": None, "voice": tone_voice()}
    async with console(speech, **real) as it:
        await it.page.get_by_label("WebRTC").check()
        await it.press("Talk")
        await expect(it.said("You")).to_contain_text(WORDS, timeout=PATIENT)
        await expect(it.said("Assistant")).to_contain_text(WORDS, timeout=PATIENT)
        row = it.page.get_by_role("row", name="1 spoken").get_by_role("cell")
        for number in (1, 2, 3):
            await expect(row.nth(number)).to_have_text(NUMBER)
        await it.press("Mute")
        await it.press("Disconnect")
        await expect(it.page.get_by_role("status").first).to_have_text("Not connected")
        assert not any(url.startswith("ws") for url in it.requests)


async def test_push_to_talk_ends_a_turn_when_it_is_let_go(console: Any, speech: Path) -> None:
    async with console(speech) as it:
        await it.page.get_by_label("WebRTC").check()
        await it.page.get_by_label("Turn detection").select_option("None: push to talk")
        await it.press("Talk")
        microphone = it.page.get_by_role("meter", name="Microphone")
        await expect(microphone).not_to_have_js_property("value", -60)
        await expect(microphone).to_have_js_property("value", -60)
        assert await it.page.get_by_role("article").count() == 0
        await it.press("Done")
        await expect(it.said("You")).to_contain_text("hello there")
        await expect(it.said("Assistant")).to_contain_text("hello there")


async def test_speech_interrupts_an_answer(console: Any, speech: Path, tone_voice: Any) -> None:
    async with console(speech, voice=tone_voice()) as it:
        await it.page.get_by_label("WebRTC").check()
        await it.write(" ".join(["word"] * 300))  # 30 s
        level = it.page.get_by_role("meter", name="Answer")
        await expect(level).not_to_have_js_property("value", -60)
        await it.press("Talk")
        await expect(it.page.get_by_text("cut after")).to_be_visible()
        await expect(it.said("Assistant")).to_contain_text("hello there", timeout=PATIENT)


async def test_stopping_an_answer_silences_it(console: Any, tone_voice: Any) -> None:
    async with console(voice=tone_voice()) as it:
        await it.page.get_by_label("WebRTC").check()
        await it.write(" ".join(["word"] * 300))  # 30 s
        level = it.page.get_by_role("meter", name="Answer")
        await expect(level).not_to_have_js_property("value", -60)
        await it.press("Stop answer")
        await expect(it.said("Assistant")).to_contain_text("cut after")
        await expect(level).to_have_js_property("value", -60)
        await expect(it.page.get_by_role("alert")).to_be_hidden()


async def test_a_call_that_is_refused_says_why(console: Any) -> None:
    async with console(token="secret-token") as it:
        await it.page.get_by_label("WebRTC").check()
        await it.press("Connect")
        await expect(it.page.get_by_role("alert")).to_contain_text("token is missing or wrong")
        await it.page.get_by_label("Token").fill("secret-token")
        await it.write("Hello")
        await expect(it.said("Assistant")).to_contain_text("Hello")
        assert not any("secret-token" in url for url in it.requests)
        # The browser notes every refused request on its console.
        it.complaints.remove(next(text for text in it.complaints if "401" in text))
