"""Who may connect."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from rtaudio.errors import ConfigError
from rtaudio.server.access import check_binding, offered_protocols, token_accepted


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_this_machine_needs_no_token(host: str) -> None:
    check_binding(host, None)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.4", "example.org"])
def test_any_other_address_does(host: str) -> None:
    with pytest.raises(ConfigError, match="token"):
        check_binding(host, None)
    check_binding(host, "secret")


@pytest.mark.parametrize("token", ["", "  "])
def test_an_empty_token_is_no_token(token: str) -> None:
    with pytest.raises(ConfigError, match="empty"):
        check_binding("127.0.0.1", token)


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("Authorization", "Bearer s3cret", True),
        ("Authorization", "bearer  s3cret ", True),
        ("Authorization", "Basic s3cret", False),
        ("Authorization", "Bearer s3cre", False),
        ("Authorization", "Bearer s3cret\u00f6", False),
        ("Authorization", "Bearer", False),
        ("Sec-WebSocket-Protocol", "realtime, openai-insecure-api-key.s3cret", True),
        ("Sec-WebSocket-Protocol", "realtime, openai-insecure-api-key.", False),
        ("X-Other", "s3cret", False),
    ],
)
def test_the_token_is_taken_from_its_two_places(name: str, value: str, accepted: bool) -> None:
    assert token_accepted(CIMultiDict([(name, value)]), "s3cret") is accepted


def test_without_a_token_everybody_is_let_in() -> None:
    assert token_accepted(CIMultiDict(), None)


def test_subprotocols_are_read_over_several_lines() -> None:
    headers = CIMultiDict(
        [("Sec-WebSocket-Protocol", "realtime, a"), ("Sec-WebSocket-Protocol", "b,")]
    )
    assert offered_protocols(headers) == ["realtime", "a", "b"]
