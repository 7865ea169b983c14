"""What is left of sessions that have ended: nothing."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
import weakref

import pytest
from no_collector import no_collector

from rtaudio import InputGuardrail, RealtimeAgent, RealtimeSession, function_tool
from rtaudio.conversation import Conversation
from rtaudio.conversation.sound import Sound
from rtaudio.transports import ScriptedTransport

CYCLES = 600

# CPython keeps up to 255 finished awaits of futures for later use, of 56 bytes each.
KEPT_BY_PYTHON = 255 * 56


@function_tool
async def clock() -> str:
    """Tell the time."""
    return "ten"


async def talk(session, service):
    """One connection: an answer with sound, and somebody who iterates."""
    transport = session.transport
    await session.connect()
    reading = asyncio.create_task(anext(aiter(session)))
    transport.emit(service.created(), service.updated(), service.response("created"))
    transport.emit(service.item("u1"), service.item("a", role="assistant"))
    transport.emit(service.audio(bytes(4800)), service.audio_done())
    transport.emit(service.response("done"))
    await reading
    await session.close()


def new_session(**options):
    agent = RealtimeAgent("a", "be brief", [clock])
    session = RealtimeSession(agent, transport=ScriptedTransport(), **options)
    session.on("audio", lambda _: None)
    return session


async def test_a_session_that_ended_is_let_go_with_its_agent_and_transport(service):
    session = new_session()
    await talk(session, service)
    held = [weakref.ref(each) for each in (session, session.current_agent, session.transport)]
    del session
    await asyncio.sleep(0)
    gc.collect()
    assert [each() for each in held] == [None, None, None]


@pytest.mark.parametrize("again", [False, True], ids=["new sessions", "one session"])
async def test_connecting_and_closing_many_times_takes_no_more_memory(service, again):
    kept = new_session() if again else None

    async def cycle():
        session = kept or new_session()
        await talk(session, service)
        session.transport._calls.clear()  # all that was sent, which the script remembers

    async def traced():
        for _ in range(CYCLES):
            await cycle()
        await asyncio.sleep(0)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = await traced()
        grown = await traced() - before
    finally:
        tracemalloc.stop()
    # Not even two references for each; an empty list would be 56 bytes.
    assert grown < 16 * CYCLES + KEPT_BY_PYTHON


async def test_no_sound_waits_for_the_collector_once_nobody_holds_its_session(service):
    with no_collector(Conversation, Sound) as new:
        session = new_session(history_store_audio=True)
        for _ in range(2):
            await talk(session, service)
        assert new() == (1, 1)
        del session
        assert new() == (0, 0)


async def test_nor_does_a_conversation_that_never_began():
    with no_collector(Conversation, Sound) as new:
        session = new_session()
        assert new() == (1, 0)
        del session
        assert new() == (0, 0)


async def test_nor_does_it_where_closing_has_stopped_a_tool(talk_with, service):
    started = asyncio.Event()

    @function_tool
    async def hang() -> str:
        """Never return."""
        started.set()
        await asyncio.Event().wait()
        return ""

    with no_collector(Conversation, Sound) as new:
        async with talk_with(hang, options={"history_store_audio": True}) as talk:
            talk.transport.emit(service.created(), service.updated(), service.response("created"))
            talk.transport.emit(service.item("a", role="assistant"), service.audio(bytes(4800)))
            talk.call("hang")
            await started.wait()
            assert new()[0] == 1
        del talk
        assert new() == (0, 0)


async def test_nor_does_it_where_a_guardrail_has_raised(talk_with, service):
    def broken(*_):
        raise ValueError("broken")

    options = {"history_store_audio": True, "input_guardrails": [InputGuardrail("g", broken)]}
    with no_collector(Conversation, Sound) as new:
        async with talk_with(options=options) as talk:
            talk.transport.emit(service.created(), service.updated(), service.response("created"))
            talk.transport.emit(service.item("a", role="assistant"), service.audio(bytes(4800)))
            with pytest.raises(ValueError, match="broken"):
                await talk.session.send_message("hello")
            assert new()[0] == 1
        del talk
        assert new() == (0, 0)


async def test_what_was_taken_from_a_session_outlives_it(service):
    session = new_session(history_store_audio=True)
    await talk(session, service)
    history, context = session.history, session.context
    del session
    assert history[-1].content[0].audio.samples.size == 2400
    assert context.history == history


async def test_a_session_that_nobody_holds_goes_on_while_it_is_connected(service):
    session = new_session()
    transport, heard = session.transport, []
    session.on("audio", heard.append)
    await session.connect()
    del session
    transport.emit(service.created(), service.updated(), service.response("created"))
    transport.emit(service.item("a1", role="assistant"), service.audio(bytes(4800)))
    assert [event.data for event in heard] == [bytes(4800)]
