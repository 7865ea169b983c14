"""The events that lead from one history to another."""

from __future__ import annotations

import base64
import logging

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtaudio.audio import AudioClip, AudioFormat, ulaw_decode
from rtaudio.conversation.history_changes import history_changes
from rtaudio.conversation.items import ContentPart, Item
from rtaudio.errors import ConfigError

WIRE = AudioFormat("pcm16", 24000)


def changes(old, new, wire=WIRE):
    return history_changes(old, new, wire)


def message(item_id: str, text: str = "hi", role: str = "user", kind: str = "input_text") -> Item:
    part = ContentPart(type=kind, text=text)
    return Item(item_id=item_id, role=role, status="completed", content=(part,))  # type: ignore[arg-type]


def sound(item_id: str, transcript: str = "hi") -> Item:
    part = ContentPart(type="output_audio", transcript=transcript)
    return Item(item_id=item_id, role="assistant", status="completed", content=(part,))


def test_items_are_deleted_before_others_are_created_and_keep_their_ids():
    old = [message("a"), message("b"), message("c")]
    new = [old[0], message("b", "other"), message("d")]
    assert changes(old, new) == [
        {"type": "conversation.item.delete", "item_id": "c"},
        {"type": "conversation.item.delete", "item_id": "b"},
        {
            "type": "conversation.item.create",
            "previous_item_id": "a",
            "item": {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "other"}],
                "id": "b",
                "status": "completed",
            },
        },
        {
            "type": "conversation.item.create",
            "previous_item_id": "b",
            "item": {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "hi"}],
                "id": "d",
                "status": "completed",
            },
        },
    ]


def test_the_first_item_goes_to_the_root_and_a_system_message_has_no_status():
    system = message("s", "be brief", role="system")
    (event,) = changes([], [system])
    assert event["previous_item_id"] == "root"
    assert "status" not in event["item"]


def test_an_image_keeps_its_address_and_detail():
    part = ContentPart(type="input_image", image_url="data:x", detail="low")
    (event,) = changes([], [Item(item_id="i", content=(part,))])
    assert event["item"]["content"] == [
        {"type": "input_image", "image_url": "data:x", "detail": "low"}
    ]


@pytest.mark.parametrize("old", [[], [sound("a", "before")]])
def test_new_or_changed_sound_of_the_assistant_is_refused(old):
    with pytest.raises(ConfigError, match="item 'a' holds sound of the assistant"):
        changes(old, [sound("a", "after")])


def test_unchanged_sound_passes_and_a_transcript_may_replace_it():
    spoken = sound("a")
    assert changes([spoken], [spoken]) == []
    text = ContentPart(type="output_text", text="hi")
    events = changes([spoken], [msgspec.structs.replace(spoken, content=(text,))])
    assert [event["type"] for event in events] == [
        "conversation.item.delete",
        "conversation.item.create",
    ]


def test_a_function_call_cannot_be_added_but_may_stay_or_go(caplog):
    call = Item(item_id="f", type="function_call", role=None, name="x", arguments="{}")
    assert changes([call], [call]) == []
    assert len(changes([call], [])) == 1
    with caplog.at_level(logging.WARNING):
        assert changes([], [call]) == []
    assert "function call 'f' cannot be created" in caplog.text


@pytest.mark.parametrize("kind", ["mcp_call", "mcp_approval_request"])
def test_what_the_service_does_with_mcp_servers_is_left_to_it(kind, caplog):
    item = Item(item_id="m", type=kind, role=None, name="x")
    with caplog.at_level(logging.WARNING):
        assert changes([], [item]) == []
    assert caplog.text == ""


def test_what_is_no_history_is_refused():
    with pytest.raises(ConfigError, match="a history holds items, got dict"):
        changes([], [{"id": "a"}])  # type: ignore[list-item]
    with pytest.raises(ConfigError, match="item 'a' stands in the new history more than once"):
        changes([], [message("a"), message("a", "again")])


histories = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.sampled_from(["hi", "ho"])),
    unique_by=lambda pair: pair[0],
).map(lambda pairs: [message(item_id, text) for item_id, text in pairs])


@given(histories, histories)
def test_a_service_that_does_what_the_events_say_has_the_new_items(old, new):
    texts = {item.item_id: item.content[0].text for item in old}
    order = [item.item_id for item in old]
    for event in changes(old, new):
        if event["type"] == "conversation.item.delete":
            del texts[event["item_id"]]
            order.remove(event["item_id"])
        else:
            item = event["item"]
            texts[item["id"]] = item["content"][0]["text"]
            after = event["previous_item_id"]
            assert after == "root" or after in order
            order.insert(0 if after == "root" else order.index(after) + 1, item["id"])
    assert texts == {item.item_id: item.content[0].text for item in new}
    kept = [item.item_id for item in old if item in new]
    if kept == [item.item_id for item in new if item in old]:
        assert order == [item.item_id for item in new]


def spoken_by_the_user(clip: AudioClip) -> Item:
    part = ContentPart(type="input_audio", transcript="hi", audio=clip)
    return Item(item_id="u", content=(part,))


def test_sound_of_the_user_goes_along_in_the_format_of_the_wire():
    ramp = np.arange(-800, 800, dtype=np.int16)
    (event,) = changes([], [spoken_by_the_user(AudioClip(ramp, 24000))])
    (part,) = event["item"]["content"]
    assert part["transcript"] == "hi"
    assert base64.b64decode(part["audio"]) == ramp.tobytes()
    stereo = AudioClip(np.stack([ramp, ramp], axis=1), 48000)
    (event,) = changes([], [spoken_by_the_user(stereo)], AudioFormat("pcmu", 8000))
    codes = base64.b64decode(event["item"]["content"][0]["audio"])
    assert len(codes) == pytest.approx(len(ramp) / 6, abs=1)
    assert abs(int(ulaw_decode(codes)[-30]) - 620) < 60


def test_sound_at_a_rate_that_nobody_can_convert_is_refused():
    clip = AudioClip(np.zeros(10, np.int16), 100)
    with pytest.raises(ConfigError, match="item 'u'"):
        changes([], [spoken_by_the_user(clip)])
