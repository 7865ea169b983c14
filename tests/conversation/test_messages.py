from __future__ import annotations

from typing import Any

import pytest

from rtaudio import ConfigError
from rtaudio.conversation.messages import image_message, message_event


def test_text_becomes_a_user_message() -> None:
    assert message_event("hi") == {
        "type": "conversation.item.create",
        "item": {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "hi"}],
        },
    }


def test_other_event_data_is_merged_at_the_top() -> None:
    event = message_event("hi", {"previous_item_id": "root", "event_id": "e"})
    assert (event["previous_item_id"], event["event_id"]) == ("root", "e")


@pytest.mark.parametrize("key", ["image", "image_url"])
def test_image_goes_out_as_image_url_with_its_provider_data(key: str) -> None:
    part = {"type": "input_image", key: "data:x", "detail": "low", "provider_data": {"k": 1}}
    event = message_event({"type": "message", "role": "user", "content": [part]})
    assert event["item"]["content"] == [
        {"type": "input_image", "image_url": "data:x", "detail": "low", "k": 1}
    ]


@pytest.mark.parametrize(
    "message",
    [
        None,
        7,
        {"role": "assistant", "content": [{"type": "input_text", "text": "x"}]},
        {"type": "function_call", "content": []},
        {"content": []},
        {"content": "text"},
        {"content": [{"type": "input_text"}]},
        {"content": [{"type": "input_image"}]},
        {"content": ["x"]},
    ],
)
def test_malformed_message_is_a_config_error(message: Any) -> None:
    with pytest.raises(ConfigError):
        message_event(message)


def test_an_image_is_a_message_of_the_user() -> None:
    event = message_event(image_message("data:image/png;base64,AA=="))
    assert event["item"]["role"] == "user"
    assert event["item"]["content"] == [
        {"type": "input_image", "image_url": "data:image/png;base64,AA=="}
    ]


@pytest.mark.parametrize("image", [b"png", None, ""])
def test_an_image_that_is_no_address_is_refused(image: Any) -> None:
    with pytest.raises(ConfigError, match="an image is a URL or a data URI"):
        image_message(image)
