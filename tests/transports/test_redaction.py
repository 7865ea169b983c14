from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtaudio.transports.redaction import REMOVED, redact

WORDS = st.text("abc .:/?#@=&-_\"'{}[]skBear", max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=12,
)


def test_credentials_of_mcp_servers_and_ephemeral_keys_go() -> None:
    tool = {
        "type": "mcp",
        "server_url": "https://me:pw@tools.example/sse?token=abc#x",
        "authorization": "my token",
        "headers": {"X-Anything": "s3cret"},
        "allowed_tools": ["open"],
    }
    session = {"tools": [tool], "client_secret": {"value": "ek_1234567", "expires_at": 5}}
    assert redact({"type": "session.update", "session": session}) == {
        "type": "session.update",
        "session": {
            "tools": [
                {
                    "type": "mcp",
                    "server_url": "https://tools.example/sse",
                    "authorization": REMOVED,
                    "headers": REMOVED,
                    "allowed_tools": ["open"],
                }
            ],
            "client_secret": REMOVED,
        },
    }


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (
            "Incorrect API key provided: sk-proj-ab12***cd34.",
            f"Incorrect API key provided: {REMOVED}",
        ),
        ("see https://h/p?sig=1 and wss://k@h:1/?key=2", "see https://h/p and wss://h:1/"),
        ("sent Bearer abcdefghijkl.mnop", f"sent Bearer {REMOVED}"),
        ("the hidden word is opensesame", f"the hidden word is {REMOVED}"),
        ("a bearer of news asked: risk-management?", "a bearer of news asked: risk-management?"),
    ],
)
def test_secrets_in_texts_go_and_other_texts_stay(text: str, left: str) -> None:
    assert redact({"message": text}, keys=["opensesame", "the"]) == {"message": left}


def test_fields_of_a_schema_that_only_have_a_secrets_name_stay() -> None:
    schema = {"properties": {"password": {"type": "string"}, "max_output_tokens": {"type": "int"}}}
    assert redact(schema) == schema
    assert redact({"password": "x", "api-key": ["y"], "token": "hello", "secret": None}) == {
        "password": REMOVED,
        "api-key": [REMOVED],
        "token": "hello",
        "secret": None,
    }


def test_sound_is_not_searched_and_stays() -> None:
    sound = "sk-" + "A" * 3000
    assert redact({"delta": sound}) == {"delta": sound}


@given(value=JSON)
def test_what_was_redacted_stays_as_it_is(value: Any) -> None:
    once = redact(value, keys=["secret-key-1"])
    assert redact(once, keys=["secret-key-1"]) == once


@given(
    value=JSON,
    name=st.sampled_from(["authorization", "apiKey", "Headers", "client_secret"]),
    place=st.sampled_from(["{}", "wss://{}@host/", "https://h/?a={}", "Bearer {}", "key {}."]),
)
def test_nothing_of_a_secret_is_left_wherever_it_stands(value: Any, name: str, place: str) -> None:
    secret = "zq7/zq7/zq7/zq7"
    text = place.format(secret)
    event = {"type": "t", "a": [value, {name: secret, "b": {name: [text]}}], "text": text}
    assert "zq7" not in json.dumps(redact(event, keys=[secret]))
    assert "zq7" not in json.dumps(redact({"a": [value, {name: text}]}))
