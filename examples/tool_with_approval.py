"""A tool that a person has to allow where it is dear.

Usage: python examples/tool_with_approval.py. A script plays the model; with a service, leave out
`transport` and the lines with `model`.
"""

from __future__ import annotations

import asyncio

from rtaudio import RealtimeAgent, RealtimeSession, RunContext, function_tool
from rtaudio.transports import ScriptedModel, ScriptedTransport


async def is_dear(_ctx: RunContext, arguments: dict[str, float], _call_id: str) -> bool:
    return arguments["amount"] > 100


@function_tool(needs_approval=is_dear, timeout_s=10)
async def transfer(ctx: RunContext, to: str, amount: float) -> str:
    """Transfer money.

    Args:
        to: who gets it
        amount: in euros
    """
    ctx.context.append((to, amount))
    return f"{to} has {amount:.0f} euros more"


async def main() -> None:
    ledger: list[tuple[str, float]] = []
    transport = ScriptedTransport()
    model = ScriptedModel(transport)
    agent = RealtimeAgent("Teller", "Help with money.", tools=[transfer])
    async with RealtimeSession(agent, transport=transport, context=ledger) as session:
        answered = asyncio.Queue[str]()
        session.on("agent_tool_end", lambda event: answered.put_nowait(event.result))

        async def ask(event) -> None:
            print("asked:", event.approval.call.arguments)
            if "Mallory" in event.approval.call.arguments:
                await session.reject(event.approval, message="The customer said no.")
            else:
                await session.approve(event.approval)

        session.on("tool_approval_requested", ask)
        model.calls("transfer", {"to": "Ada", "amount": 20})
        model.calls("transfer", {"to": "Bob", "amount": 500})
        model.calls("transfer", {"to": "Mallory", "amount": 500})
        for _ in range(3):
            print("told the model:", await answered.get())
    print("ledger:", ledger)


if __name__ == "__main__":
    asyncio.run(main())
