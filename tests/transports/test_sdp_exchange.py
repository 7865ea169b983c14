from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from rtaudio.errors import AuthenticationError, TransportError
from rtaudio.transports import sdp_exchange
from rtaudio.transports.http import Reply
from rtaudio.transports.sdp_exchange import SdpAnswer, exchange_sdp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

KEY = "ek_1234567890abcdef"


class Poster:
    """Takes the place of HTTP."""

    def __init__(self) -> None:
        self.reply = Reply(201, {"location": "/v1/realtime/calls/rtc_1"}, b"v=0 answer")
        self.headers: dict[str, str] = {}
        self.body = b""

    async def post(self, _url: str, body: bytes, headers: Mapping[str, str], **_: Any) -> Reply:
        self.headers, self.body = dict(headers), body
        return self.reply

    async def exchange(self, **more: Any) -> SdpAnswer:
        given = {"key": KEY, "headers": {"X-Us": "yes"}, "session": None, "timeout_s": 1, **more}
        return await exchange_sdp("https://host/calls", "v=0 offer", **given)


@pytest.fixture
def poster(monkeypatch: pytest.MonkeyPatch) -> Poster:
    poster = Poster()
    monkeypatch.setattr(sdp_exchange, "post", poster.post)
    return poster


async def test_the_offer_alone_is_posted_as_it_is(poster: Poster) -> None:
    assert await poster.exchange() == SdpAnswer("v=0 answer", "rtc_1")
    assert poster.body == b"v=0 offer"
    assert poster.headers == {
        "Content-Type": "application/sdp",
        "Authorization": f"Bearer {KEY}",
        "X-Us": "yes",
    }


async def test_without_a_key_there_is_no_credential(poster: Poster) -> None:
    await poster.exchange(key=None)
    assert "Authorization" not in poster.headers


async def test_with_a_session_both_are_parts_of_a_form(poster: Poster) -> None:
    import email.parser

    await poster.exchange(session={"type": "realtime", "instructions": "grüße"})
    head = f"Content-Type: {poster.headers['Content-Type']}\r\n\r\n".encode()
    form = email.parser.BytesParser().parsebytes(head + poster.body)
    found = {
        part.get_param("name", header="content-disposition"): (
            part.get_content_type(),
            part.get_payload(decode=True),
        )
        for part in form.get_payload()  # type: ignore[union-attr]
    }
    assert found["sdp"] == ("application/sdp", b"v=0 offer")
    kind, content = found["session"]
    assert kind == "application/json"
    assert json.loads(content) == {  # type: ignore[arg-type]
        "type": "realtime",
        "instructions": "grüße",
    }


@pytest.mark.parametrize(
    ("location", "call_id"),
    [
        ("/v1/realtime/calls/rtc_1", "rtc_1"),
        ("https://host/v1/realtime/calls/rtc_2/?x=1", "rtc_2"),
        ("", None),
        (None, None),
    ],
)
async def test_the_call_id_is_the_last_segment_of_the_location(
    poster: Poster, location: str | None, call_id: str | None
) -> None:
    headers = {} if location is None else {"location": location}
    poster.reply = poster.reply._replace(headers=headers)
    assert (await poster.exchange()).call_id == call_id


def refusal(message: str) -> bytes:
    return json.dumps({"error": {"message": message, "code": None}}).encode()


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (400, refusal("the model is wrong"), "the model is wrong"),
        (500, b"<p>it is broken</p>", "it is broken"),
        (503, b"", "Service Unavailable"),
        (599, b"", "no reason given"),
        (400, b'{"error": "text"}', '{"error": "text"}'),
        (429, b"\xff\xfe", "429"),
    ],
)
async def test_a_refusal_carries_the_status_and_what_the_service_says(
    poster: Poster, status: int, body: bytes, said: str
) -> None:
    poster.reply = Reply(status, {}, body)
    with pytest.raises(TransportError, match=str(status)) as caught:
        await poster.exchange()
    assert said in str(caught.value)
    assert caught.value.code == str(status)
    assert not isinstance(caught.value, AuthenticationError)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    "made",
    [
        lambda: f"Incorrect API key provided: {KEY}.",
        lambda: f"Incorrect API key provided: {KEY[:6]}******{KEY[-4:]}.",
        lambda: "Incorrect API key provided: 'sk-proj-abcdef'.",
    ],
)
async def test_a_refused_key_is_said_so_and_is_not_repeated(
    poster: Poster, status: int, made: Callable[[], str]
) -> None:
    poster.reply = Reply(status, {}, refusal(made()))
    with pytest.raises(AuthenticationError, match="Incorrect API key provided") as caught:
        await poster.exchange()
    text = str(caught.value)
    assert KEY[-4:] not in text
    assert "sk-proj" not in text
