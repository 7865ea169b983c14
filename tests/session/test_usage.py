from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rtaudio import ConfigError, PriceTable, ReconnectPolicy, TransportError, UsageLimit

PRICES = PriceTable(text_input=4, audio_input=32, text_output=16, audio_output=64)
SPENT = {
    "input_tokens": 100,
    "output_tokens": 10,
    "input_token_details": {"text_tokens": 100},
    "output_token_details": {"audio_tokens": 10},
}


def answer(transport: Any, service: Any, response_id: str = "r1", **usage: Any) -> None:
    transport.emit(service.response("created", response_id))
    transport.emit(service.response("done", response_id, usage=usage or SPENT))


def creates(transport: Any) -> int:
    kinds = [call.event.get("type") for call in transport.calls]
    return kinds.count("response.create")


async def test_usage_adds_up_over_responses_and_connections(
    session: Any, transport: Any, service: Any
) -> None:
    for _ in range(2):
        async with session:
            answer(transport, service)
            answer(transport, service, "r2")
            transport.emit(service.response("created", "r3"), service.response("done", "r3"))
            assert session.context.usage is session.usage
    assert (session.usage.requests, session.usage.total_tokens) == (6, 440)
    assert session.usage.output_token_details.audio_tokens == 40


async def test_cost_is_told_at_the_given_prices(
    make_session: Any, transport: Any, service: Any
) -> None:
    async with make_session(prices=PRICES) as session:
        assert session.cost == 0
        answer(transport, service)
        assert session.cost == pytest.approx(0.00104)
        assert session.cost == session.usage.cost(PRICES)


async def test_without_prices_there_is_no_cost(session: Any, transport: Any, service: Any) -> None:
    async with session:
        answer(transport, service)
        assert session.cost is None


def test_a_limit_in_money_needs_prices(make_session: Any) -> None:
    with pytest.raises(ConfigError, match="prices must be a PriceTable"):
        make_session(usage_limit=UsageLimit(cost=1))


class TestLimit:
    @pytest.mark.parametrize(
        "limit", [UsageLimit(total_tokens=110), UsageLimit(cost=0.00104 - 1e-9)]
    )
    async def test_the_session_ends_itself_behind_the_event(
        self, make_session: Any, transport: Any, service: Any, limit: UsageLimit
    ) -> None:
        session = make_session(usage_limit=limit, prices=PRICES)
        await session.connect()
        stream = aiter(session)
        answer(transport, service)
        kinds = [event.type async for event in stream if event.type != "transport_event"]
        assert kinds == ["agent_start", "agent_end", "usage_limit_reached", "connection_change"]
        assert session.connection_state == "disconnected"
        transport.assert_closed()
        with pytest.raises(TransportError):
            await session.send_message("more")

    async def test_without_a_limit_the_session_goes_on(
        self, session: Any, transport: Any, service: Any
    ) -> None:
        async with session:
            answer(transport, service)
            for _ in range(5):
                await asyncio.sleep(0)
            assert session.connection_state == "connected"

    async def test_nothing_can_be_said_from_the_moment_it_is_reached(
        self, make_session: Any, transport: Any, service: Any
    ) -> None:
        async with make_session(usage_limit=UsageLimit(total_tokens=50)) as session:
            await session.request_response()
            before = creates(transport)
            transport.emit(service.response("created", "r1"))
            transport.emit(service.response("done", "other", usage=SPENT))
            calls = len(transport.calls)
            for say in (
                lambda: session.send_message("more"),
                lambda: session.add_image("https://example.org/a.png"),
                session.request_response,
                session.commit_audio,
                lambda: session.send_event({"type": "response.create"}),
                lambda: session.update_agent(session.current_agent),
            ):
                with pytest.raises(TransportError, match="usage_limit is reached"):
                    await say()
            with pytest.raises(TransportError, match="usage_limit is reached"):
                session.update_history([])
            await session.send_audio(bytes(960), commit=True)
            assert len(transport.calls) == calls
            assert creates(transport) == before
            assert session.connection_state == "connected"
            await session.interrupt()  # the answer that still goes on may be stopped
            assert transport.calls[-1].event["type"] == "response.cancel"

    async def test_an_ongoing_answer_is_heard_to_its_end(
        self, make_session: Any, transport: Any, service: Any
    ) -> None:
        async with make_session(usage_limit=UsageLimit(total_tokens=50)) as session:
            stream = aiter(session)
            transport.emit(service.response("created", "r1"))
            transport.emit(service.response("done", "other", usage=SPENT))
            transport.emit(service.audio(bytes(960)))
            transport.emit(service.response("done", "r1"))
            kinds = [event.type async for event in stream]
        reached, heard = kinds.index("usage_limit_reached"), kinds.index("audio")
        assert reached < heard < len(kinds) - 1 - kinds[::-1].index("agent_end")

    async def test_an_ongoing_answer_is_cut_where_that_is_wanted(
        self, make_session: Any, transport: Any, service: Any
    ) -> None:
        limit = UsageLimit(total_tokens=50, interrupt=True)
        async with make_session(usage_limit=limit) as session:
            stream = aiter(session)
            transport.emit(service.response("created", "r1"))
            transport.emit(service.audio(bytes(960)))
            transport.emit(service.response("done", "other", usage=SPENT))
            kinds = [event.type async for event in stream]
            assert kinds[-3:] == ["usage_limit_reached", "audio_interrupted", "connection_change"]
            transport.assert_closed()

    async def test_a_tools_output_asks_for_no_answer_any_more(self, talk_with: Any) -> None:
        async with talk_with(options={"usage_limit": UsageLimit(total_tokens=5)}) as talk:
            talk.response("created", "r1")
            body = {"id": "x", "output": [], "usage": {"input_tokens": 5}}
            talk.transport.emit({"type": "response.done", "event_id": "e", "response": body})
            talk.call("unknown")
            await talk.settle()
            assert talk.sent() == [("c1", "There is no tool 'unknown'.")]

    async def test_a_connection_that_is_lost_then_is_not_made_again(
        self, make_session: Any, transport: Any, service: Any
    ) -> None:
        limit = UsageLimit(total_tokens=50)
        session = make_session(usage_limit=limit, reconnect=ReconnectPolicy(initial_delay_s=0))
        await session.connect()
        stream = aiter(session)
        transport.emit(service.response("created", "r1"))
        transport.emit(service.response("done", "other", usage=SPENT))
        transport.disconnect(OSError("gone"))
        kinds = [event.type async for event in stream]
        assert "agent_end" in kinds
        assert "reconnecting" not in kinds
        assert [call.method for call in transport.calls].count("connect") == 1

    async def test_a_failure_to_close_is_an_error_event(
        self, make_session: Any, transport: Any, service: Any
    ) -> None:
        session = make_session(usage_limit=UsageLimit(total_tokens=50))
        failed = asyncio.get_running_loop().create_future()
        session.on("error", lambda event: failed.set_result(event.error))
        await session.connect()
        transport.fail_next_call("close", OSError("broken"))
        answer(transport, service)
        assert str(await failed) == "broken"
        assert session.connection_state == "disconnected"

    async def test_handlers_may_close_the_session_too(
        self, make_session: Any, transport: Any, service: Any
    ) -> None:
        session = make_session(usage_limit=UsageLimit(total_tokens=50))
        closed = asyncio.Event()

        async def close(_event: Any) -> None:
            await session.close()
            closed.set()

        session.on("usage_limit_reached", close)
        await session.connect()
        answer(transport, service)
        await closed.wait()
        assert [call.method for call in transport.calls].count("close") == 1

    async def test_another_connection_needs_a_higher_limit(
        self, make_session: Any, transport: Any, service: Any
    ) -> None:
        session = make_session(usage_limit=UsageLimit(total_tokens=50))
        await session.connect()
        answer(transport, service)
        await session.close()
        calls = len(transport.calls)
        with pytest.raises(ConfigError, match=r"usage_limit must be above .* 110 tokens"):
            await session.connect()
        assert len(transport.calls) == calls
        session.options.usage_limit = UsageLimit(total_tokens=500)
        async with session:
            await session.send_message("on we go")
            assert creates(transport) == 1
