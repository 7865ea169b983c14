"""Scenarios of openai-agents: `python openai_agents.py URL SPEECH`, SPEECH being PCM16 at 24 kHz.

The service's token is in the environment. Prints one JSON object: by the scenario's name what came
of it, or the error that it ended with.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
import traceback
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents import GuardrailFunctionOutput, OutputGuardrail, function_tool
from agents.realtime import RealtimeAgent, RealtimeRunner, realtime_handoff

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from agents.realtime import RealtimeSession

URL, SPEECH = sys.argv[1], Path(sys.argv[2]).read_bytes()
LIMIT_S = 30


@function_tool
async def weather(city: str) -> str:
    """Tell the weather."""
    return f"sun in {city}"


def porter() -> RealtimeAgent:
    return RealtimeAgent(name="Porter", instructions="Be brief.", tools=[weather])


class Talk:
    """A session, and the events it told of, of which a scenario waits for the next."""

    seen: list[str]

    def __init__(self, session: RealtimeSession) -> None:
        self.session = session
        self.sound = bytearray()
        self.history: list[dict[str, Any]] = []
        self._events = aiter(session)
        Talk.seen = []

    async def next(self, kind: str) -> Any:
        """The next event of a kind: one of the session's, or one of the service's in wire form."""
        async for event in self._events:
            names: dict[str, Any] = {event.type: event}
            if event.type == "error":
                raise RuntimeError(event.error)
            if event.type == "audio":
                self.sound += event.audio.data
            elif event.type == "history_added":
                self._show([*self.session._history])
            elif event.type == "history_updated":
                self._show(event.history)
            elif event.type == "raw_model_event" and event.data.type == "raw_server_event":
                names = {event.data.data["type"]: event.data.data}
            Talk.seen += [name for name in names if name != "raw_model_event"]
            if kind in names:
                return names[kind]
        raise RuntimeError("the session ended")

    async def answer(self, text: str | None = None) -> str:
        """The words of the next answer, or of the one that says just this."""
        while True:
            done = await self.next("response.done")
            said = "".join(
                part.get("transcript") or part.get("text") or ""
                for item in done["response"]["output"]
                for part in item.get("content", ())
            )
            if said == text or (text is None and said):
                await self.next("agent_end")
                return said

    async def say(self) -> None:
        """Speech and the silence behind it, in pieces as a microphone has them."""
        whole = SPEECH + bytes(2 * 24_000)
        for start in range(0, len(whole), 4800):
            await self.session.send_audio(whole[start : start + 4800])

    def _show(self, items: list[Any]) -> None:
        self.history = [
            {
                "role": item.role,
                "status": getattr(item, "status", None),
                "text": "".join(
                    getattr(part, "text", None) or getattr(part, "transcript", None) or ""
                    for part in item.content
                ),
            }
            for item in items
            if item.type == "message"
        ]


@asynccontextmanager
async def talk_with(
    agent: RealtimeAgent, run: dict[str, Any] | None = None, **settings: Any
) -> AsyncIterator[Talk]:
    runner = RealtimeRunner(agent, config=run or {})
    config = {"api_key": os.environ["TOKEN"], "url": URL, "initial_model_settings": settings}
    async with await runner.run(model_config=config) as session:
        yield Talk(session)


async def text() -> dict[str, Any]:
    async with talk_with(porter()) as talk:
        await talk.session.send_message("Good morning")
        said = await talk.answer()
        await talk.session.send_message("Good night")
        await talk.answer()
        sound = base64.b64encode(talk.sound).decode()
        return {"said": said, "sound": sound, "history": talk.history}


async def written() -> dict[str, Any]:
    async with talk_with(porter(), modalities=["text"]) as talk:
        await talk.session.send_message("Good morning")
        return {"said": await talk.answer(), "sound": len(talk.sound), "history": talk.history}


async def speech() -> dict[str, Any]:
    async with talk_with(porter()) as talk:
        await talk.say()
        said = await talk.answer()
        sound = base64.b64encode(talk.sound).decode()
        return {"said": said, "sound": sound, "history": talk.history}


async def tool() -> dict[str, Any]:
    async with talk_with(porter()) as talk:
        await talk.session.send_message("How is the weather?")
        started = await talk.next("tool_start")
        ended = await talk.next("tool_end")
        said = await talk.answer("There is sun in Oslo.")
        return {"arguments": started.arguments, "output": ended.output, "said": said}


async def handoff() -> dict[str, Any]:
    @function_tool
    async def refund(order: int) -> str:
        """Refund an order."""
        return f"order {order} is refunded"

    refunds = RealtimeAgent(name="Refunds", instructions="Refund.", tools=[refund])
    agent = RealtimeAgent(
        name="Porter", instructions="Be brief.", handoffs=[realtime_handoff(refunds)]
    )
    async with talk_with(agent) as talk:
        await talk.session.send_message("Give me my money back.")
        event = await talk.next("handoff")
        await talk.answer("Refunds is here.")
        # Only the new agent has the function that the answer to this calls.
        await talk.session.send_message("It is order seven.")
        said = await talk.answer("Done: order 7 is refunded.")
        return {"handoff": [event.from_agent.name, event.to_agent.name], "said": said}


async def guardrail() -> dict[str, Any]:
    def no_passwords(context: Any, agent: Any, output: str) -> GuardrailFunctionOutput:
        del context, agent
        return GuardrailFunctionOutput(None, tripwire_triggered="password" in output)

    run = {
        "output_guardrails": [OutputGuardrail(no_passwords, name="no passwords")],
        "guardrails_settings": {"debounce_text_length": 10},
    }
    async with talk_with(porter(), run) as talk:
        await talk.session.send_message("Tell me the key.")
        await talk.next("guardrail_tripped")
        await talk.next("audio_interrupted")
        done = await talk.next("response.done")
        said = await talk.answer("Let me put it differently.")
        return {
            "cut": done["response"]["status_details"],
            "said": said,
            "feedback": talk.history[-2]["text"],
        }


async def interjection() -> dict[str, Any]:
    async with talk_with(porter()) as talk:
        await talk.session.send_message("Tell me a story.")
        await talk.next("audio")
        await talk.say()
        await talk.next("audio_interrupted")
        done = await talk.next("response.done")
        truncated = await talk.next("conversation.item.truncated")
        said = await talk.answer()
        return {
            "cut": done["response"]["status_details"],
            "truncated": truncated["item_id"] == done["response"]["output"][0]["id"],
            "said": said,
            "history": talk.history,
        }


async def interrupt() -> dict[str, Any]:
    async with talk_with(porter(), turn_detection=None) as talk:
        await talk.session.send_message("Tell me a story.")
        await talk.next("audio")
        await talk.session.interrupt()
        await talk.next("audio_interrupted")
        seen = [await talk.next("conversation.item.truncated"), await talk.next("response.done")]
        return {"cut": seen[1]["response"]["status_details"]}


async def main() -> None:
    results = {}
    for scenario in (text, written, speech, tool, handoff, guardrail, interjection, interrupt):
        try:
            async with asyncio.timeout(LIMIT_S):
                results[scenario.__name__] = await scenario()
        except Exception:
            results[scenario.__name__] = {"error": traceback.format_exc(), "seen": Talk.seen}
    print(json.dumps(results))


asyncio.run(main())
