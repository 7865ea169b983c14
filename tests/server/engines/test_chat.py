"""Answers from a chat endpoint: asked over HTTP, and passed on by the service."""

from __future__ import annotations

import asyncio
import json
import ssl
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest
from chat_endpoint import ChatEndpoint, call, chat_endpoint, chunk, says

from rtaudio.errors import AuthenticationError, ConfigError, TransportError
from rtaudio.protocol import ContentPart, MessageItem
from rtaudio.server.engines.base import AnswerIncomplete, ToolCall
from rtaudio.server.engines.chat import ChatResponder, chat_address

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

KEY = "sk-very-secret"
HELLO = MessageItem(role="user", content=[ContentPart(type="input_text", text="Hello?")])


@pytest.fixture
async def endpoint() -> AsyncIterator[ChatEndpoint]:
    async with chat_endpoint() as running:
        yield running


async def ask(url: str, settings: dict[str, Any] | None = None, **options: Any) -> list[Any]:
    async with ChatResponder(url, **options) as chat:
        return [piece async for piece in chat.respond([HELLO], settings or {}, [])]


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("http://h", "http://h/v1/chat/completions"),
        ("http://h:1/", "http://h:1/v1/chat/completions"),
        ("https://h/v1", "https://h/v1/chat/completions"),
        ("https://h/v1/", "https://h/v1/chat/completions"),
        ("https://h/api/openai?version=2", "https://h/api/openai/chat/completions?version=2"),
        ("https://h/v1/chat/completions", "https://h/v1/chat/completions"),
        ("http://[::1]:8080", "http://[::1]:8080/v1/chat/completions"),
    ],
)
def test_addresses_are_completed(given: str, asked: str) -> None:
    assert chat_address(given) == asked


@pytest.mark.parametrize("url", ["h:8080", "ftp://h", "http://", "http://h:x", "http://u:pass@h/"])
def test_what_is_no_address_is_refused_without_a_password_being_quoted(url: str) -> None:
    with pytest.raises(ConfigError, match="URL") as caught:
        ChatResponder(url)
    assert "pass@" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"idle_timeout_s": 0}, "idle_timeout_s is 0"),
        ({"connect_timeout_s": -1}, "connect_timeout_s is -1"),
        ({"api_key": f"{KEY}\n"}, "no header"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        ChatResponder("http://h", **options)
    assert KEY not in str(caught.value)


def test_a_repr_shows_neither_key_nor_query() -> None:
    chat = ChatResponder("http://h/v1?sig=hidden", api_key=KEY)
    assert repr(chat) == "ChatResponder('http://h/v1/chat/completions')"


async def test_an_answer_comes_piece_by_piece(endpoint: ChatEndpoint) -> None:
    gate = asyncio.Event()
    endpoint.script = [chunk(content="Hel"), gate, *says("lo.")]
    async with (
        ChatResponder(endpoint.url, model="m", api_key=KEY) as chat,
        aclosing(chat.respond([HELLO], {"instructions": "Be brief."}, [])) as answer,
    ):
        assert await anext(answer) == "Hel"
        gate.set()
        assert [piece async for piece in answer] == ["lo."]
    ((body, path, headers),) = endpoint.requests
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert body == {
        "stream": True,
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hello?"},
        ],
    }


async def test_without_a_key_none_is_sent(endpoint: ChatEndpoint) -> None:
    assert await ask(endpoint.url) == ["Hello."]
    assert "Authorization" not in endpoint.requests[0][2]


async def test_one_connection_serves_one_answer_after_the_other(endpoint: ChatEndpoint) -> None:
    async with ChatResponder(endpoint.url) as chat:
        for _ in range(3):
            assert [piece async for piece in chat.respond([HELLO], {}, [])] == ["Hello."]
    assert len(set(endpoint.ports)) == 1


async def test_a_connection_that_is_closed_just_when_it_is_used_is_made_again(
    endpoint: ChatEndpoint,
) -> None:
    endpoint.hang_up = 1
    assert await ask(endpoint.url) == ["Hello."]
    endpoint.hang_up = 2
    with pytest.raises(TransportError, match="broke off"):
        await ask(endpoint.url)


async def test_an_answer_whose_end_does_not_come_is_over_all_the_same(
    endpoint: ChatEndpoint,
) -> None:
    endpoint.script = [*says("Hello."), asyncio.Event()]
    assert await ask(endpoint.url) == ["Hello."]


async def test_calls_come_when_they_are_whole(endpoint: ChatEndpoint) -> None:
    endpoint.script = [
        chunk(content="Let me see."),
        chunk(tool_calls=[call(0, id="a", name="weather", arguments="")]),
        chunk(tool_calls=[call(0, arguments='{"city": "Rome"}')]),
        chunk(tool_calls=[call(1, id="b", name="time", arguments="{}")]),
        chunk("tool_calls"),
        b"data: [DONE]\n\n",
    ]
    assert await ask(endpoint.url) == [
        "Let me see.",
        ToolCall("weather", '{"city": "Rome"}'),
        ToolCall("time", "{}"),
    ]


async def test_an_endpoint_that_does_not_stream_is_understood(endpoint: ChatEndpoint) -> None:
    endpoint.content_type = "application/json"
    choice = {"message": {"role": "assistant", "content": "Whole."}, "finish_reason": "stop"}
    endpoint.script = [json.dumps({"choices": [choice]}).encode()]
    assert await ask(endpoint.url) == ["Whole."]
    endpoint.script = [b"x" * 1_100_000]
    with pytest.raises(TransportError, match="more than 1048576 bytes"):
        await ask(endpoint.url)


async def test_closing_the_answer_closes_the_request(endpoint: ChatEndpoint) -> None:
    endpoint.script = [chunk(content="Hel"), asyncio.Event()]
    async with ChatResponder(endpoint.url) as chat:
        async with aclosing(chat.respond([HELLO], {}, [])) as answer:
            assert await anext(answer) == "Hel"
        await endpoint.left.wait()


async def test_cancelling_who_waits_closes_the_request(endpoint: ChatEndpoint) -> None:
    endpoint.script = [chunk(content="Hel"), asyncio.Event()]
    async with ChatResponder(endpoint.url) as chat:
        answer = chat.respond([HELLO], {}, [])
        assert await anext(answer) == "Hel"
        waiting = asyncio.ensure_future(anext(answer))
        await asyncio.sleep(0)
        waiting.cancel()
        await endpoint.left.wait()


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (401, b"", r"401: it demands a key, or refuses this one \(RTAUDIO_CHAT_KEY\)"),
        (403, b"", "403: the key is not allowed"),
        (404, b'{"error": {"code": "model_not_found"}}', r"no such model \(model_not_found\)"),
        (429, b'{"error": "none"}', "429: it has no more capacity"),
        (400, b'{"error": {"code": "Hello? sk-very-secret"}}', "400: it refuses the request$"),
        (500, b"Hello? sk-very-secret", "500: it failed$"),
        (503, b"x" * 100_000, "503: it failed$"),
        (308, b"", "308: it sends us elsewhere"),
    ],
)
async def test_a_refusal_is_worded_by_us(
    endpoint: ChatEndpoint, status: int, body: bytes, message: str
) -> None:
    endpoint.status, endpoint.script = status, [body]
    endpoint.content_type = "application/json"
    with pytest.raises(TransportError, match=message) as caught:
        await ask(endpoint.url, api_key=KEY)
    assert caught.value.code == str(status)
    assert isinstance(caught.value, AuthenticationError) == (status in (401, 403))
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ([chunk(content="Hel")], "broke off"),
        ([chunk(content="Hel"), b"data: [DONE]\n\n"], "broke off"),
        ([chunk(content="Hel"), None], "broke off"),
        ([b"data: {\n\n"], "no part of an answer"),
        ([b"<html>Welcome</html>"], "broke off"),
        ([b"data: \xff\n\n"], "UTF-8"),
        ([b'data: {"error": {"message": "sk-very-secret"}}\n\n'], "reported an error"),
        ([b"data: " + b"x" * 1_100_000], "more than 1048576 bytes"),
    ],
)
async def test_an_answer_that_goes_wrong_is_an_error(
    endpoint: ChatEndpoint, script: list[bytes | None], message: str
) -> None:
    endpoint.script = script
    with pytest.raises(TransportError, match=message) as caught:
        await ask(endpoint.url, api_key=KEY)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("begun", [True, False])
async def test_an_endpoint_that_falls_silent_is_an_error(
    endpoint: ChatEndpoint, begun: bool
) -> None:
    endpoint.script = [chunk(content="Hel"), asyncio.Event()] if begun else [asyncio.Event()]
    with pytest.raises(TransportError, match=r"said nothing for 0\.05 s"):
        await ask(endpoint.url, idle_timeout_s=0.05)
    await endpoint.left.wait()


async def test_an_endpoint_that_does_not_shake_hands_is_an_error() -> None:
    never = asyncio.Event()

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await never.wait()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        with pytest.raises(TransportError, match=r"did not accept a connection within 0\.05 s"):
            await ask(f"https://{host}:{port}", connect_timeout_s=0.05)
        never.set()


async def test_an_endpoint_that_is_not_there_is_an_error(endpoint: ChatEndpoint) -> None:
    with pytest.raises(TransportError, match="can't be reached"):
        await ask("http://127.0.0.1:1")
    with pytest.raises(TransportError, match="TLS"):
        await ask(endpoint.url.replace("http:", "https:"))


async def test_a_certificate_that_nobody_vouches_for_is_refused() -> None:
    trustme = pytest.importorskip("trustme")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with await asyncio.start_server(
        lambda _reader, writer: writer.close(), "127.0.0.1", 0, ssl=context
    ) as server:
        host, port = server.sockets[0].getsockname()
        with pytest.raises(TransportError, match="certificate"):
            await ask(f"https://{host}:{port}")


async def test_the_endpoints_own_limit_makes_an_answer_incomplete(endpoint: ChatEndpoint) -> None:
    endpoint.script = [chunk(content="Hel"), chunk("length"), b"data: [DONE]\n\n"]
    async with ChatResponder(endpoint.url) as chat:
        answer = chat.respond([HELLO], {"max_output_tokens": 1}, [])
        assert await anext(answer) == "Hel"
        with pytest.raises(AnswerIncomplete, match="max_output_tokens"):
            await anext(answer)
    assert endpoint.requests[0][0]["max_tokens"] == 1


async def test_before_it_is_entered_it_says_so() -> None:
    chat = ChatResponder("http://127.0.0.1:1")
    with pytest.raises(ConfigError, match="not open"):
        await anext(chat.respond([HELLO], {}, []))


# Through the service.


async def test_the_first_sentence_is_spoken_while_the_second_is_being_written(
    endpoint: ChatEndpoint, talk: Any, tone_voice: Any
) -> None:
    gate = asyncio.Event()
    endpoint.script = [chunk(content="Good morning, "), gate, *says("said the endpoint.")]
    voice = tone_voice()
    async with talk(responder=ChatResponder(endpoint.url), voice=voice) as client:
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        gate.set()
        *_, done = await client.until("response.done")
        assert done["response"]["status"] == "completed"
    assert voice.spoken == ["Good morning,", "said the endpoint."]


async def test_a_call_goes_to_the_client_and_its_output_to_the_endpoint(
    endpoint: ChatEndpoint, talk: Any
) -> None:
    pieces = [call(0, id="a", name="f", arguments="{}"), call(1, id="b", name="g", arguments="{}")]
    endpoint.script = [chunk("tool_calls", tool_calls=pieces)]
    tools = [{"type": "function", "name": name} for name in ("f", "g")]
    async with talk(responder=ChatResponder(endpoint.url)) as client:
        await client.configure(tools=tools)
        await client.write("Hello?")
        await client.send("response.create")
        *_, done = await client.until("response.done")
        calls = done["response"]["output"]
        assert [item["name"] for item in calls] == ["f", "g"]
        for item in reversed(calls):
            output = {"type": "function_call_output", "call_id": item["call_id"], "output": "sun"}
            await client.send("conversation.item.create", item=output)
        endpoint.script = says("Sun.")
        await client.send("response.create")
        *_, done = await client.until("response.done")
        assert done["response"]["output"][0]["content"][0]["text"] == "Sun."
    messages = endpoint.requests[1][0]["messages"]
    assert [m["role"] for m in messages] == ["user", "assistant", "tool", "tool"]
    assert [m["tool_call_id"] for m in messages[2:]] == [item["call_id"] for item in calls]
    assert len(endpoint.requests[1][0]["tools"]) == 2


async def test_cancelling_a_response_closes_the_request_at_once(
    endpoint: ChatEndpoint, talk: Any
) -> None:
    endpoint.script = [chunk(content="Hel"), asyncio.Event()]
    async with talk(responder=ChatResponder(endpoint.url)) as client:
        await client.send("response.create")
        await client.until("response.output_text.delta")
        await client.send("response.cancel")
        *_, done = await client.until("response.done")
        assert done["response"]["status"] == "cancelled"
        await endpoint.left.wait()


async def test_a_client_that_leaves_closes_the_request(endpoint: ChatEndpoint, talk: Any) -> None:
    endpoint.script = [chunk(content="Hel"), asyncio.Event()]
    async with talk(responder=ChatResponder(endpoint.url)) as client:
        await client.send("response.create")
        await client.until("response.output_text.delta")
        await client.socket.close()
        await endpoint.left.wait()


async def test_a_failure_ends_the_response_and_not_the_session(
    endpoint: ChatEndpoint, talk: Any, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint.status = 429
    chat = ChatResponder(endpoint.url, api_key=KEY)
    async with talk(responder=chat) as client:
        await client.send("response.create")
        *_, done = await client.until("response.done")
        assert done["response"]["status"] == "failed"
        error = done["response"]["status_details"]["error"]
        assert error["code"] == "engine_failed"
        assert error["message"].startswith("the chat endpoint answered with status 429")
        endpoint.status = 200
        await client.send("response.create")
        *_, done = await client.until("response.done")
        assert done["response"]["status"] == "completed"
    assert KEY not in caplog.text


async def test_a_huge_answer_is_cut_where_responses_end(endpoint: ChatEndpoint, talk: Any) -> None:
    endpoint.script = [chunk(content="word " * 500)] * 20
    async with talk(responder=ChatResponder(endpoint.url)) as client:
        await client.send("response.create")
        *_, done = await client.until("response.done")
        details = done["response"]["status_details"]
        assert details == {"type": "incomplete", "reason": "max_output_tokens"}


@pytest.mark.parametrize(
    ("finish", "reason"), [("length", "max_output_tokens"), ("content_filter", "content_filter")]
)
async def test_an_incomplete_answer_is_an_incomplete_response(
    endpoint: ChatEndpoint, talk: Any, finish: str, reason: str
) -> None:
    endpoint.script = [chunk(content="Hel"), chunk(finish)]
    async with talk(responder=ChatResponder(endpoint.url)) as client:
        await client.send("response.create")
        *_, done = await client.until("response.done")
        assert done["response"]["status"] == "incomplete"
        assert done["response"]["status_details"] == {"type": "incomplete", "reason": reason}
        assert done["response"]["output"][0]["content"][0]["text"] == "Hel"
