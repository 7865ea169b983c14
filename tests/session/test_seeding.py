from __future__ import annotations

from typing import Any

from rtaudio import RealtimeAgent, RealtimeSession
from rtaudio.conversation import ContentPart, Item
from rtaudio.transports import ScriptedTransport

ASKED = Item(
    item_id="u1", status="completed", content=(ContentPart(type="input_text", text="why?"),)
)
SAID = Item(
    item_id="a1",
    role="assistant",
    status="completed",
    # It names a predecessor that is not there any more; the order given counts.
    previous_item_id="gone",
    content=(ContentPart(type="output_audio", transcript="because"),),
)


def created(transport: ScriptedTransport) -> list[dict[str, Any]]:
    events = [call.event for call in transport.calls if call.method == "send_event"]
    assert events[0]["type"] == "session.update"
    return [event["item"] for event in events if "item" in event]


async def test_a_session_goes_on_with_a_history_from_elsewhere() -> None:
    transport = ScriptedTransport()
    told: list[Any] = []
    session = RealtimeSession(RealtimeAgent("a"), transport=transport, history=(ASKED, SAID))
    session.on("history_updated", lambda event: told.append(event.history))
    async with session:
        assert session.history == (ASKED, SAID)
        assert told == [(ASKED, SAID)]
        await session.send_message("go on")
        assert [(item["id"], item["role"]) for item in created(transport)[:2]] == [
            ("u1", "user"),
            ("a1", "assistant"),
        ]
        assert created(transport)[1]["content"] == [{"type": "output_text", "text": "because"}]
        assert created(transport)[2]["content"][0]["text"] == "go on"


async def test_what_the_service_makes_of_it_is_no_news(service: Any) -> None:
    transport = ScriptedTransport()
    added: list[Any] = []
    session = RealtimeSession(None, transport=transport, history=(SAID,))
    session.on("history_added", added.append)
    async with session:
        (item,) = created(transport)
        transport.emit(
            {"type": "conversation.item.added", "event_id": "e", "item": item},
            {"type": "conversation.item.done", "event_id": "e", "item": item},
            service.item("u2", "next"),
        )
        assert session.history[0] == SAID
        assert [event.item.item_id for event in added] == ["u2"]


async def test_instructions_can_look_at_it() -> None:
    seen: list[Any] = []

    def instructions(context: Any, _agent: Any) -> str:
        seen.append(context.history)
        return "go on"

    agent = RealtimeAgent("a", instructions)
    async with RealtimeSession(agent, transport=ScriptedTransport(), history=[ASKED]):
        assert seen == [(ASKED,)]


async def test_each_connection_begins_with_it_again(service: Any) -> None:
    transport = ScriptedTransport()
    session = RealtimeSession(None, transport=transport, history=(ASKED,))
    async with session:
        transport.emit(service.item("u2", "more"))
    assert len(session.history) == 2
    async with session:
        assert session.history == (ASKED,)
