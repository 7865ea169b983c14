"""How an application tests itself: a conversation against a script instead of a service.

Usage: python examples/scripted_turn.py
"""

from __future__ import annotations

import asyncio

from rtaudio import RealtimeAgent, RealtimeSession
from rtaudio.transports import ScriptedModel, ScriptedTransport


async def main() -> None:
    transport = ScriptedTransport()
    model = ScriptedModel(transport)
    agent = RealtimeAgent(name="Porter", instructions="Answer in one sentence.")
    async with RealtimeSession(agent, transport=transport) as session:
        session.on("text_delta", lambda event: print("heard:", event.delta))
        await session.send_message("Where is the station?")

        # What the application did, in order.
        await transport.expect_call("connect")
        await transport.expect_call(
            "send_event", lambda call: call.event["type"] == "session.update"
        )
        asked = await transport.expect_call("send_event")
        assert asked.event["item"]["content"][0]["text"] == "Where is the station?"
        await transport.expect_call(
            "send_event", lambda call: call.event["type"] == "response.create"
        )

        # What the model does, and what becomes of it.
        model.reads("Where is the station?")
        model.says("Down the road, on the left.")
        print("kept: ", [item.text for item in session.history])
    await transport.expect_call("close")
    transport.assert_complete()


if __name__ == "__main__":
    asyncio.run(main())
