"""Ephemeral keys."""

from __future__ import annotations

import time

import pytest

from rtaudio.server.client_secrets import ClientSecrets
from rtaudio.server.refused import Refused

SESSION = {"type": "realtime"}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_key_is_found_with_its_settings_until_it_expires() -> None:
    clock = Clock()
    secrets = ClientSecrets(4, clock)
    before = int(time.time())
    secret = secrets.make(SESSION, 60)
    assert secret.value.startswith("ek_")
    assert before + 60 <= secret.expires_at <= time.time() + 60
    clock.now += 59.9
    assert secrets.find(secret.value) is secret
    assert secret.session is SESSION
    clock.now += 0.1
    with pytest.raises(Refused) as refused:
        secrets.find(secret.value)
    assert (refused.value.code, refused.value.status) == ("client_secret_expired", 401)
    assert secret.value not in str(refused.value)


@pytest.mark.parametrize("value", ["ek_", "ek_other", "", "ek_\udce9"])
def test_no_other_key_is_found(value: str) -> None:
    secrets = ClientSecrets(4)
    secrets.make(SESSION, 60)
    assert secrets.find(value) is None


def test_keys_differ_and_show_in_no_repr() -> None:
    secrets = ClientSecrets(4)
    one, other = secrets.make({"instructions": "hush"}, 60), secrets.make(SESSION, 60)
    assert one.value != other.value
    assert one.value not in repr(one)
    assert "hush" not in repr(one)


def test_there_are_no_more_valid_ones_than_allowed_and_expired_ones_make_room() -> None:
    clock = Clock()
    secrets = ClientSecrets(2, clock)
    secrets.make(SESSION, 10)
    lasting = secrets.make(SESSION, 100)
    with pytest.raises(Refused) as refused:
        secrets.make(SESSION, 10)
    assert (refused.value.code, refused.value.status) == ("client_secret_limit_reached", 429)
    clock.now += 10
    secrets.make(SESSION, 10)
    assert secrets.find(lasting.value) is lasting
