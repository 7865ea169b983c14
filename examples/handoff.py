"""Two agents: one greets and finds out what it is about, the other one takes over.

Usage: python examples/handoff.py. A script plays the model; with a service, leave out
`transport` and the lines with `model`.
"""

from __future__ import annotations

import asyncio

import msgspec

from rtaudio import RealtimeAgent, RealtimeSession, RunContext, function_tool, handoff
from rtaudio.transports import ScriptedModel, ScriptedTransport


class Reason(msgspec.Struct):
    summary: str


@function_tool
async def refund(order: str) -> str:
    """Give the money back."""
    return f"order {order} is refunded"


def remember(ctx: RunContext, reason: Reason) -> None:
    ctx.context["reason"] = reason.summary


def refund_instructions(ctx: RunContext, _agent: RealtimeAgent) -> str:
    return f"You give refunds. What it is about: {ctx.context.get('reason', 'unknown')}."


refunds = RealtimeAgent("Refunds", refund_instructions, tools=[refund], voice="cedar")
reception = RealtimeAgent(
    "Reception",
    "Find out what the caller wants, and hand over.",
    handoffs=[handoff(refunds, on_handoff=remember, input_type=Reason)],
)


async def main() -> None:
    transport = ScriptedTransport()
    model = ScriptedModel(transport)
    async with RealtimeSession(reception, transport=transport, context={}) as session:
        handed_over, refunded = asyncio.Event(), asyncio.Event()

        def on_handoff(event) -> None:
            print(event.from_agent.name, "->", event.to_agent.name)
            handed_over.set()

        def on_result(event) -> None:
            print(event.agent.name, "did:", event.result)
            refunded.set()

        session.on("agent_handoff", on_handoff)
        session.on("agent_tool_end", on_result)
        model.hears("My order 1742 arrived broken.")
        model.calls("transfer_to_Refunds", {"summary": "order 1742 arrived broken"})
        await handed_over.wait()
        model.calls("refund", {"order": "1742"})
        await refunded.wait()
        print("now speaks", session.current_agent.name)


if __name__ == "__main__":
    asyncio.run(main())
