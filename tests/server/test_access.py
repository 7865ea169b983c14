"""Who may connect."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from rtaudio.errors import ConfigError
from rtaudio.server.access import Access, check_binding, is_loopback, offered_protocols
from rtaudio.server.client_secrets import ClientSecrets
from rtaudio.server.refused import Refused


def access(
    token: str | None = None, origins: tuple[str, ...] = (), secrets: ClientSecrets | None = None
) -> Access:
    return Access(token, origins, secrets or ClientSecrets(4))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_this_machine_needs_no_token(host: str) -> None:
    check_binding(host, None)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.4", "example.org"])
def test_any_other_address_does(host: str) -> None:
    with pytest.raises(ConfigError, match=r"token.*--tls-cert"):
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
    headers = CIMultiDict([(name, value)])
    if accepted:
        access("s3cret").check_token(headers)
        assert access("s3cret").admit(headers) is None
    else:
        for check in (access("s3cret").check_token, access("s3cret").admit):
            with pytest.raises(Refused) as refused:
                check(headers)
            assert (refused.value.status, refused.value.code) == (401, "invalid_api_key")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer sk-anything"}])
def test_without_a_token_everybody_is_let_in(headers: dict[str, str]) -> None:
    assert access().admit(CIMultiDict(headers)) is None
    access().check_token(CIMultiDict(headers))


@pytest.mark.parametrize("token", [None, "s3cret"])
@pytest.mark.parametrize(
    ("name", "form"),
    [("Authorization", "Bearer {}"), ("Sec-WebSocket-Protocol", "openai-insecure-api-key.{}")],
)
def test_a_key_starts_sessions_and_does_nothing_else(
    token: str | None, name: str, form: str
) -> None:
    secrets = ClientSecrets(4)
    secret = secrets.make({"type": "realtime"}, 60)
    headers = CIMultiDict([(name, form.format(secret.value))])
    assert access(token, secrets=secrets).admit(headers) is secret
    if token is not None:
        with pytest.raises(Refused, match="token"):
            access(token, secrets=secrets).check_token(headers)


@pytest.mark.parametrize("token", [None, "s3cret"])
def test_a_key_that_nobody_made_is_refused_even_where_no_token_is_asked_for(
    token: str | None,
) -> None:
    with pytest.raises(Refused) as refused:
        access(token).admit(CIMultiDict(Authorization="Bearer ek_guessed"))
    assert (refused.value.status, refused.value.code) == (401, "invalid_api_key")
    assert "ek_guessed" not in str(refused.value)


def test_subprotocols_are_read_over_several_lines() -> None:
    headers = CIMultiDict(
        [("Sec-WebSocket-Protocol", "realtime, a"), ("Sec-WebSocket-Protocol", "b,")]
    )
    assert offered_protocols(headers) == ["realtime", "a", "b"]


# Web pages.


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8765", "localhost", "localhost:8765", "LOCALHOST:1", "[::1]:8765"]
)
def test_the_services_own_page_is_let_in(host: str) -> None:
    assert access().check_page(CIMultiDict(Host=host, Origin=f"http://{host.lower()}")) is None
    assert access().check_page(CIMultiDict(Host=host)) is None


def test_with_a_token_its_page_may_be_anywhere() -> None:
    headers = CIMultiDict(Host="rt.example.org", Origin="https://rt.example.org")
    assert access("s3cret").check_page(headers) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "127.0.0.1:8765", "Origin": "https://example.org"},
        {"Host": "127.0.0.1:8765", "Origin": "http://127.0.0.1:8766"},
        {"Host": "127.0.0.1:8765", "Origin": "http://127.0.0.1:8765.example.org"},
        {"Host": "127.0.0.1:8765", "Origin": "null"},
        {"Host": "127.0.0.1:8765", "Origin": ""},
        {"Host": "127.0.0.1:8765", "Origin": "http://["},
        {"Host": "null", "Origin": "null"},
    ],
)
@pytest.mark.parametrize("token", [None, "s3cret"])
def test_other_pages_are_kept_out_whatever_token_they_may_have(
    headers: dict[str, str], token: str | None
) -> None:
    with pytest.raises(Refused) as refused:
        access(token).check_page(CIMultiDict(headers))
    assert refused.value.status == 403


def test_a_name_that_leads_to_this_machine_makes_no_page_its_own() -> None:
    rebound = CIMultiDict(Host="evil.example:8765", Origin="http://evil.example:8765")
    with pytest.raises(Refused) as refused:
        access().check_page(rebound)
    assert refused.value.code == "host_not_allowed"
    with pytest.raises(Refused):
        access().check_page(CIMultiDict(Host="evil.example:8765"))
    with pytest.raises(Refused):
        access(None, ("http://evil.example:8765",)).check_page(rebound)


def test_pages_on_the_list_are_let_in_and_named_for_cors() -> None:
    listed = access(None, ("https://Example.org/", "http://localhost:3000"))
    for origin in ("https://example.org", "http://localhost:3000"):
        assert listed.check_page(CIMultiDict(Host="localhost", Origin=origin)) == origin
    for origin in ("http://example.org", "https://example.org:444", "null"):
        with pytest.raises(Refused):
            listed.check_page(CIMultiDict(Host="localhost", Origin=origin))


def test_any_page_is_let_in_by_a_star_which_needs_a_token() -> None:
    headers = CIMultiDict(Host="rt.example.org", Origin="https://anywhere.example")
    assert access("s3cret", ("*",)).check_page(headers) == "https://anywhere.example"
    for origin in ("*", "null"):
        with pytest.raises(ConfigError, match="token"):
            access(None, (origin,))


@pytest.mark.parametrize("origin", ["example.org", "https://", "https://a/b", "ftp://a", ""])
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(ConfigError, match="no origin"):
        access("s3cret", (origin,))


def test_loopback_is_known_by_address_and_not_by_what_names_resolve_to() -> None:
    assert is_loopback("127.8.9.1")
    assert not is_loopback("localhost.example.org")
