"""The console as people use it who type."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest

from rtaudio.server.engines.script import ScriptResponder

pytest.importorskip("playwright", reason="tests in a browser need `pip install playwright`")

from playwright.async_api import expect

NUMBER = re.compile(r"^\d+$")
TOOLS = [{"type": "function", "name": "weather", "parameters": {"type": "object"}}]
RULE = {
    "when": ["weather"],
    "say": "Let me see.",
    "call": "weather",
    "arguments": {"city": "Oslo"},
    "then": "There is {output}.",
}


async def test_what_is_typed_is_shown_and_answered(console: Any) -> None:
    async with console() as it:
        await it.write("Good morning")
        await expect(it.said("You")).to_contain_text("Good morning")
        await expect(it.said("Assistant")).to_contain_text("Good morning")
        await expect(it.page.get_by_label("Message")).to_have_value("")
        await expect(it.page.get_by_role("status").first).to_have_text("Connected")


async def test_it_is_used_by_keyboard_alone(console: Any) -> None:
    async with console() as it:
        await it.page.get_by_label("Message").focus()
        await it.page.keyboard.type("Good morning")
        await it.page.keyboard.press("Enter")
        await expect(it.said("Assistant")).to_contain_text("Good morning")
        await expect(it.page.get_by_label("Message")).to_be_focused()
        await it.page.keyboard.type("Good evening")
        await it.page.keyboard.press("Tab")
        await it.page.keyboard.press("Space")
        await expect(it.said("Assistant")).to_contain_text("Good evening")
        await expect(it.page.get_by_role("button", name="Send")).to_be_focused()


async def test_an_answer_is_spoken_and_its_latency_shown(console: Any, tone_voice: Any) -> None:
    async with console(voice=tone_voice()) as it:
        await it.write(" ".join(["word"] * 50))  # 5 s
        level = it.page.get_by_role("meter", name="Answer")
        await expect(level).not_to_have_js_property("value", -60)
        row = it.page.get_by_role("row", name="1 typed").get_by_role("cell")
        await expect(row.nth(2)).to_have_text(NUMBER)
        await expect(row.nth(3)).to_have_text(NUMBER)


async def test_stopping_an_answer_silences_it_and_tells_how_much_was_heard(
    console: Any, tone_voice: Any
) -> None:
    async with console(voice=tone_voice()) as it:
        await it.write(" ".join(["word"] * 200))  # 20 s
        level = it.page.get_by_role("meter", name="Answer")
        await expect(level).not_to_have_js_property("value", -60)
        await it.press("Stop answer")
        await expect(level).to_have_js_property("value", -60)
        await expect(it.said("Assistant")).to_contain_text("cut after")
        (cut,) = it.wire.of("conversation.item.truncate")
        (confirmed,) = it.wire.of("conversation.item.truncated")
        assert cut["audio_end_ms"] == confirmed["audio_end_ms"]
        assert cut["audio_end_ms"] < 20_000
        await expect(it.page.get_by_role("alert")).to_be_hidden()


async def test_settings_go_to_the_service_and_can_be_changed(console: Any, tone_voice: Any) -> None:
    async with console(voice=tone_voice()) as it:
        await it.page.get_by_label("Instructions").fill("Be brief.")
        await it.page.get_by_label("Turn detection").select_option("None: push to talk")
        await it.press("Connect")
        await expect(it.page.get_by_role("button", name="Disconnect")).to_be_visible()
        await it.page.get_by_label("Text", exact=True).check()
        await it.press("Apply to this session")
        await it.write("Good morning")
        await expect(it.said("Assistant")).to_contain_text("Good morning")
        first, second = (event["session"] for event in it.wire.of("session.updated"))
        assert first["instructions"] == "Be brief."
        assert first["audio"]["input"]["turn_detection"] is None
        assert first["output_modalities"] == ["audio"]
        assert second["output_modalities"] == ["text"]
        assert it.wire.of("response.output_audio.delta") == []


async def test_a_call_of_a_function_is_answered_by_hand(console: Any) -> None:
    async with console(responder=ScriptResponder({"rules": [RULE]})) as it:
        await it.page.get_by_text("Tools").click()
        await it.page.get_by_label("A list of functions, as JSON").fill(json.dumps(TOOLS))
        await it.write("How is the weather?")
        await expect(it.said("weather")).to_contain_text('{"city":"Oslo"}')
        await it.page.get_by_label("Output").fill("sun")
        await it.page.keyboard.press("Enter")
        await expect(it.said("Assistant")).to_contain_text("There is sun.")


async def test_tools_that_are_not_json_are_refused_before_anything_is_sent(console: Any) -> None:
    async with console() as it:
        await it.page.get_by_text("Tools").click()
        await it.page.get_by_label("A list of functions, as JSON").fill("weather")
        await it.write("Hello")
        await expect(it.page.get_by_role("alert")).to_contain_text("The tools are not JSON")
        await expect(it.page.get_by_label("Message")).to_have_value("Hello")
        assert it.wire.sent == []


async def test_settings_that_the_service_refuses_end_the_attempt_to_connect(console: Any) -> None:
    async with console() as it:
        await it.page.get_by_text("Tools").click()
        await it.page.get_by_label("A list of functions, as JSON").fill('["weather"]')
        await it.write("Hello")
        await expect(it.page.get_by_role("alert")).to_contain_text("session.tools")
        await expect(it.page.get_by_role("status").first).to_have_text("Not connected")
        await expect(it.page.get_by_label("Message")).to_have_value("Hello")


async def test_an_error_is_shown_until_it_is_dismissed_and_the_session_goes_on(
    console: Any,
) -> None:
    async with console() as it:
        await it.press("Connect")
        await it.page.get_by_text("Tools").click()
        await it.page.get_by_label("A list of functions, as JSON").fill('["weather"]')
        await it.press("Apply to this session")
        await expect(it.page.get_by_role("alert")).to_contain_text("session.tools")
        await it.press("Dismiss")
        await expect(it.page.get_by_role("alert")).to_be_hidden()
        await it.write("Hello")
        await expect(it.said("Assistant")).to_contain_text("Hello")


async def test_a_service_that_ends_is_noticed(console: Any) -> None:
    class Ends:
        async def respond(self, items: Any, settings: Any, tools: Any) -> Any:
            del items, settings, tools
            asyncio.get_running_loop().call_soon(stop.set)
            yield "Farewell."

    stop = asyncio.Event()
    async with console(responder=Ends()) as it:
        await it.write("Hello")
        await stop.wait()
        await it.server.__aexit__(None, None, None)
        await expect(it.page.get_by_role("alert")).to_contain_text("closed the connection")
        await expect(it.page.get_by_role("button", name="Connect")).to_be_visible()


async def test_a_token_is_asked_for_and_kept_out_of_addresses_and_lasting_storage(
    console: Any,
) -> None:
    async with console(token="secret-token") as it:
        await it.write("Hello")
        await expect(it.page.get_by_role("alert")).to_contain_text("token is missing or wrong")
        await it.page.get_by_label("Token").fill("secret-token")
        await it.press("Send")
        await expect(it.said("Assistant")).to_contain_text("Hello")
        await expect(it.page.get_by_role("alert")).to_be_hidden()
        assert not any("secret-token" in url for url in it.requests)
        assert await it.page.evaluate("localStorage.length + document.cookie.length") == 0


async def test_settings_outlive_a_reload(console: Any) -> None:
    async with console() as it:
        await it.page.get_by_label("Instructions").fill("Be brief.")
        await it.page.get_by_label("WebRTC").check()
        await it.page.reload()
        await expect(it.page.get_by_label("Instructions")).to_have_value("Be brief.")
        await expect(it.page.get_by_label("WebRTC")).to_be_checked()


async def test_events_are_listed_filtered_and_copied(console: Any) -> None:
    async with console() as it:
        await it.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await it.write("Good morning")
        log = it.page.get_by_role("region", name="Events")
        await expect(log.get_by_text("rate_limits.updated")).to_be_visible()
        await log.get_by_label("Direction").select_option("↑ sent")
        shown = log.get_by_role("listitem").locator("code")
        sent = ["session.update", "conversation.item.create", "response.create"]
        await expect(shown).to_have_text(sent)
        await log.get_by_label("Filter by type").fill("item")
        await expect(log.get_by_role("listitem")).to_have_count(1)
        await log.get_by_text("conversation.item.create").click()
        await expect(log.get_by_role("listitem")).to_contain_text('"text": "Good morning"')
        await log.get_by_role("button", name="Copy").first.click()
        await expect(log.get_by_role("status")).to_contain_text("1 event(s) copied")
        copied = json.loads(await it.page.evaluate("navigator.clipboard.readText()"))
        assert copied["item"]["content"] == [{"type": "input_text", "text": "Good morning"}]


async def test_what_the_service_says_never_becomes_markup(console: Any) -> None:
    async with console() as it:
        await it.write("<img src=x onerror=alert(1)><b>bold</b>")
        await expect(it.said("Assistant")).to_contain_text("<b>bold</b>")
        assert await it.page.locator("#transcript b, #transcript img").count() == 0


async def test_the_policy_keeps_the_page_from_other_origins_and_inline_code(console: Any) -> None:
    async with console() as it:
        stopped = await it.page.evaluate(
            """async () => {
              const script = document.createElement("script");
              script.textContent = "window.ran = true";
              document.body.append(script);
              const fetched = fetch("http://localhost:1/").then(() => true, () => false);
              return [window.ran === undefined, !(await fetched)];
            }"""
        )
        assert stopped == [True, True]
        refused = [text for text in it.complaints if "Content Security Policy" in text]
        assert len(refused) >= 2
        it.complaints.clear()
        it.requests = [url for url in it.requests if "localhost:1" not in url]


async def test_a_microphone_that_is_not_allowed_is_explained(console: Any) -> None:
    async with console() as it:
        await it.page.evaluate(
            """() => {
              navigator.mediaDevices.getUserMedia = async () => {
                throw new DOMException("denied", "NotAllowedError");
              };
            }"""
        )
        await it.press("Talk")
        await expect(it.page.get_by_role("alert")).to_contain_text("microphone is not allowed")
        await expect(it.page.get_by_role("button", name="Talk")).to_be_visible()


async def test_every_control_has_a_name(console: Any) -> None:
    async with console() as it:
        nameless = await it.page.evaluate(
            """() => [...document.querySelectorAll("button, input, select, textarea, meter")]
              .filter((it) => !it.labels?.[0]?.textContent.trim() && !it.textContent.trim())
              .map((it) => it.outerHTML)"""
        )
        assert nameless == []


async def test_nothing_has_to_be_scrolled_sideways_on_any_screen(console: Any) -> None:
    async with console() as it:
        await it.write("Awordwithoutaplacetobreak" * 20)
        await expect(it.said("Assistant")).to_contain_text("Aword")
        for width in (320, 700, 1100, 1600):
            await it.page.set_viewport_size({"width": width, "height": 640})
            assert await it.page.evaluate("document.documentElement.scrollWidth") <= width
