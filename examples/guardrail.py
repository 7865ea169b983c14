"""An answer that is cut off because it breaks a rule, and given again.

Usage: python examples/guardrail.py. A script plays the model; with a service, leave out
`transport` and the lines with `model`.
"""

from __future__ import annotations

import asyncio

from rtaudio import (
    GuardrailResult,
    OutputGuardrail,
    RealtimeAgent,
    RealtimeSession,
    RunContext,
)
from rtaudio.transports import ScriptedModel, ScriptedTransport

SPEECH = bytes(48_000)  # a second of silence at 24 kHz


async def no_promises(_ctx: RunContext, _agent: RealtimeAgent, text: str) -> GuardrailResult:
    found = "guarantee" in text.lower()
    return GuardrailResult(found, {"word": "guarantee"} if found else {})


async def main() -> None:
    transport = ScriptedTransport()
    model = ScriptedModel(transport)
    agent = RealtimeAgent("Broker", "Advise on savings.")
    rule = OutputGuardrail("no_promises", no_promises, policy_hint="never promise returns")
    async with RealtimeSession(
        agent,
        transport=transport,
        output_guardrails=[rule],
        output_guardrail_settings={"debounce_text_length": 20},
    ) as session:
        tripped = asyncio.Event()

        def on_trip(event) -> None:
            print("refused by", event.guardrail.name, event.result.output_info)
            tripped.set()

        session.on("guardrail_tripped", on_trip)
        session.on("audio_interrupted", lambda _event: print("the speaker stops"))
        model.says("I guarantee you five per cent a year.", audio=SPEECH, end=False)
        await tripped.wait()
        model.ends("cancelled")
        model.says("Five per cent was the average of the last years.", audio=SPEECH)
        print("said in the end:", session.history[-1].text)


if __name__ == "__main__":
    asyncio.run(main())
