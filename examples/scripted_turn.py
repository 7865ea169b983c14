"""A text turn against a script instead of a service: how an application tests itself.

Usage: python examples/scripted_turn.py
"""

from __future__ import annotations

import asyncio

from rtaudio import RealtimeAgent, RealtimeSession
from rtaudio.transports import ScriptedTransport

ITEM = {"id": "item_1", "type": "message", "role": "assistant"}
IDS = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}
TEXT = "Down the road, on the left."
ANSWER = [
    {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}},
    {
        "type": "conversation.item.added",
        "item": {**ITEM, "status": "in_progress", "content": []},
    },
    {"type": "response.output_text.delta", "delta": TEXT, **IDS},
    {"type": "response.output_text.done", "text": TEXT, **IDS},
    {
        "type": "conversation.item.done",
        "item": {
            **ITEM,
            "status": "completed",
            "content": [{"type": "output_text", "text": TEXT}],
        },
    },
    {
        "type": "response.done",
        "response": {"id": "resp_1", "status": "completed", "output": []},
    },
]


async def main() -> None:
    transport = ScriptedTransport()
    agent = RealtimeAgent(name="Porter", instructions="Answer in one sentence.")
    async with RealtimeSession(agent, transport=transport) as session:
        session.on("text_delta", lambda event: print("heard:", event.delta))
        await session.send_message("Where is the station?")
        for event in ANSWER:
            transport.emit({"event_id": "event_1", **event})
        print("kept: ", session.history[-1].content[0].text)


if __name__ == "__main__":
    asyncio.run(main())
