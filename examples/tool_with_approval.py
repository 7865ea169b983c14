"""A tool that a person has to allow, against a script instead of a service.

Run it with `python examples/tool_with_approval.py`. With a service, leave out `transport` and the
lines that play the model.
"""

from __future__ import annotations

import asyncio

from rtaudio import RealtimeAgent, RealtimeSession, RunContext, function_tool
from rtaudio.transports import ScriptedTransport


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


def model_calls(transport: ScriptedTransport, call_id: str, arguments: str) -> None:
    item = {"id": f"item_{call_id}", "type": "function_call", "status": "completed"}
    item |= {"name": "transfer", "call_id": call_id, "arguments": arguments}
    place = {"event_id": "e", "response_id": "resp_1", "output_index": 0}
    transport.emit({"type": "response.output_item.done", "item": item, **place})


async def main() -> None:
    ledger: list[tuple[str, float]] = []
    transport = ScriptedTransport()
    agent = RealtimeAgent("Teller", "Help with money.", tools=[transfer])
    async with RealtimeSession(agent, transport=transport, context=ledger) as session:
        answered = asyncio.Queue[str]()
        session.on("agent_tool_end", lambda event: answered.put_nowait(event.result))

        async def ask(event) -> None:
            print("asked:", event.approval.call.arguments)
            await session.approve(event.approval)

        session.on("tool_approval_requested", ask)
        transport.emit({"type": "response.created", "event_id": "e", "response": {"id": "resp_1"}})
        model_calls(transport, "call_1", '{"to": "Ada", "amount": 20}')
        model_calls(transport, "call_2", '{"to": "Bob", "amount": 500}')
        print("told the model:", await answered.get())
        print("told the model:", await answered.get())
    print("ledger:", ledger)


if __name__ == "__main__":
    asyncio.run(main())
