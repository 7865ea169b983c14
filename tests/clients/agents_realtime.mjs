// Scenarios of @openai/agents-realtime: `node agents_realtime.mjs URL SPEECH`, where SPEECH is a
// file of PCM16 at 24 kHz; the service's token is in the environment. Prints one JSON object: by
// the scenario's name what came of it, or the error that it ended with.

import { readFile } from "node:fs/promises";
import { RealtimeAgent, RealtimeSession, tool } from "@openai/agents-realtime";
import { z } from "zod";

const [url, speechFile] = process.argv.slice(2);
const speech = await readFile(speechFile);
const LIMIT_MS = 30_000;

const weather = tool({
  name: "weather",
  description: "Tell the weather.",
  parameters: z.object({ city: z.string() }),
  execute: async ({ city }) => `sun in ${city}`,
});

// A session and the events that it told of, of which a scenario waits for the next.
class Talk {
  static last;

  static async with(agent, options = {}) {
    const talk = new Talk(agent, options);
    Talk.last = talk;
    await talk.session.connect({ apiKey: process.env.TOKEN, url });
    await talk.next("session.updated");
    return talk;
  }

  constructor(agent, options) {
    this.session = new RealtimeSession(agent, { transport: "websocket", ...options });
    this.events = [];
    this.seen = [];
    this.sound = [];
    this.wake = () => {};
    const keep = (kind, detail) => {
      this.events.push({ kind, detail });
      this.wake();
    };
    this.session.on("audio", (event) => this.sound.push(Buffer.from(event.data)));
    this.session.on("transport_event", (event) => keep(event.type, event));
    this.session.on("agent_end", (_context, _agent, text) => keep("agent_end", text));
    this.session.on("agent_handoff", (_c, from, to) => keep("agent_handoff", [from.name, to.name]));
    this.session.on("agent_tool_start", (_c, _a, called) => keep("agent_tool_start", called.name));
    this.session.on("agent_tool_end", (_c, _a, _t, result) => keep("agent_tool_end", result));
    this.session.on("audio_interrupted", () => keep("audio_interrupted"));
    this.session.on("guardrail_tripped", () => keep("guardrail_tripped"));
    this.session.on("history_updated", () => keep("history_updated"));
    this.session.on("error", (event) => keep("session_error", JSON.stringify(event)));
  }

  // The detail of the next event of a kind, behind those that were waited for before.
  async next(kind, fits = () => true) {
    for (;;) {
      while (this.events.length > 0) {
        const event = this.events.shift();
        this.seen.push(event.kind);
        if (event.kind === "session_error") throw new Error(event.detail);
        if (event.kind === kind && fits(event.detail)) return event.detail;
      }
      await new Promise((resolve) => (this.wake = resolve));
    }
  }

  async answer(text) {
    return this.next("agent_end", (said) => said === text || text === undefined);
  }

  // Speech and the silence behind it, in pieces as a microphone has them.
  say() {
    const silence = Buffer.alloc(2 * 24_000);
    const whole = Buffer.concat([speech, silence]);
    for (let at = 0; at < whole.length; at += 4800) {
      const piece = Uint8Array.from(whole.subarray(at, at + 4800));
      this.session.sendAudio(piece.buffer);
    }
  }

  history() {
    return this.session.history.map((item) =>
      item.type === "message"
        ? {
            role: item.role,
            status: item.status,
            text: item.content.map((part) => part.text ?? part.transcript).join(""),
          }
        : { call: item.name, output: item.output },
    );
  }
}

const porter = () => new RealtimeAgent({ name: "Porter", instructions: "Be brief.", tools: [weather] });

const scenarios = {
  async text() {
    const talk = await Talk.with(porter());
    talk.session.sendMessage("Good morning");
    const said = await talk.answer();
    talk.session.sendMessage("Good night");
    await talk.answer();
    return { talk, said, sound: Buffer.concat(talk.sound).toString("base64") };
  },

  async speech() {
    const talk = await Talk.with(porter());
    talk.say();
    const said = await talk.answer();
    return { talk, said, sound: Buffer.concat(talk.sound).toString("base64") };
  },

  async tool() {
    const talk = await Talk.with(porter());
    talk.session.sendMessage("How is the weather?");
    const started = await talk.next("agent_tool_start");
    const output = await talk.next("agent_tool_end");
    const said = await talk.answer("There is sun in Oslo.");
    return { talk, started, output, said };
  },

  async handoff() {
    const refund = tool({
      name: "refund",
      description: "Refund an order.",
      parameters: z.object({ order: z.number() }),
      execute: async ({ order }) => `order ${order} is refunded`,
    });
    const refunds = new RealtimeAgent({ name: "Refunds", instructions: "Refund.", tools: [refund] });
    const agent = new RealtimeAgent({ name: "Porter", instructions: "Be brief.", handoffs: [refunds] });
    const talk = await Talk.with(agent);
    talk.session.sendMessage("Give me my money back.");
    const handoff = await talk.next("agent_handoff");
    await talk.answer("Refunds is here.");
    // Only the new agent has the function that the answer to this calls.
    talk.session.sendMessage("It is order seven.");
    const said = await talk.answer("Done: order 7 is refunded.");
    return { talk, handoff, said, agent: talk.session.currentAgent.name };
  },

  async guardrail() {
    const guardrail = {
      name: "no passwords",
      execute: async ({ agentOutput }) => ({
        tripwireTriggered: agentOutput.includes("password"),
        outputInfo: {},
      }),
    };
    const talk = await Talk.with(porter(), {
      outputGuardrails: [guardrail],
      outputGuardrailSettings: { debounceTextLength: 10 },
    });
    talk.session.sendMessage("Tell me the key.");
    await talk.next("guardrail_tripped");
    await talk.next("audio_interrupted");
    const { response } = await talk.next("response.done");
    const said = await talk.answer("Let me put it differently.");
    const feedback = talk.history().at(-2);
    return { talk, cut: response.status_details, said, feedback: feedback.text };
  },

  async interjection() {
    const talk = await Talk.with(porter());
    talk.session.sendMessage("Tell me a story.");
    await talk.next("response.output_audio.delta");
    talk.say();
    await talk.next("audio_interrupted");
    const { response } = await talk.next("response.done");
    const truncated = await talk.next("conversation.item.truncated");
    const said = await talk.answer();
    return {
      talk,
      cut: response.status_details,
      truncated: truncated.item_id === response.output[0].id,
      said,
    };
  },

  async interrupt() {
    const config = { audio: { input: { turnDetection: null } } };
    const talk = await Talk.with(porter(), { config });
    talk.session.sendMessage("Tell me a story.");
    await talk.next("response.output_audio.delta");
    talk.session.interrupt();
    await talk.next("audio_interrupted");
    const { response } = await talk.next("response.done");
    const { item } = await talk.next("conversation.item.retrieved");
    return { talk, cut: response.status_details, kept: item.content[0].transcript ?? null };
  },

  async history() {
    const config = { outputModalities: ["text"] };
    const talk = await Talk.with(porter(), { config });
    for (const text of ["One.", "Two."]) {
      talk.session.sendMessage(text);
      await talk.next("history_updated", () => talk.history().at(-1)?.text === `You said: ${text}`);
      await talk.answer();
    }
    const before = talk.history();
    talk.session.updateHistory((items) => [
      ...items.slice(0, 2),
      {
        itemId: "added",
        type: "message",
        role: "user",
        status: "completed",
        content: [{ type: "input_text", text: "Three." }],
      },
    ]);
    await talk.next("history_updated", () => talk.history().at(-1)?.text === "Three.");
    talk.session.transport.requestResponse();
    const said = await talk.answer();
    return { talk, before, said, usage: talk.session.usage };
  },
};

const results = {};
for (const [name, scenario] of Object.entries(scenarios)) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("nothing more came")), LIMIT_MS);
  });
  try {
    const { talk, ...result } = await Promise.race([scenario(), late]);
    results[name] = { ...result, history: talk.history() };
    talk.session.close();
  } catch (error) {
    results[name] = { error: String(error.stack ?? error), seen: Talk.last.seen };
  }
  clearTimeout(timer);
}
// Scenarios that failed have left connections open, which must not keep the program.
process.stdout.write(JSON.stringify(results), () => process.exit());
