// Scenarios of @openai/agents-realtime over WebRTC, in the page of test_agents_realtime_webrtc.py.
// `run(name, url, key)` plays one and returns what came of it.

import {
  OpenAIRealtimeWebRTC,
  RealtimeAgent,
  RealtimeSession,
  tool,
} from "/package/openai-realtime-agents.mjs";

const LIMIT_MS = 30_000;

const weather = tool({
  name: "weather",
  description: "Tell the weather.",
  strict: false,
  parameters: {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
    additionalProperties: true,
  },
  execute: async ({ city }) => `sun in ${city}`,
});

// A session, the events that it told of, and a recording of what is heard.
class Talk {
  constructor(url) {
    const agent = new RealtimeAgent({ name: "Porter", instructions: "Be brief.", tools: [weather] });
    this.loudspeaker = new Audio();
    this.transport = new OpenAIRealtimeWebRTC({ baseUrl: url, audioElement: this.loudspeaker });
    this.session = new RealtimeSession(agent, { transport: this.transport });
    this.events = [];
    this.seen = [];
    this.wake = () => {};
    this.session.on("transport_event", (event) => this.keep(event.type, event));
    this.session.on("agent_end", (_context, _agent, text) => this.keep("agent_end", text));
    this.session.on("agent_tool_end", (_c, _a, _t, result) => this.keep("agent_tool_end", result));
    this.session.on("error", (event) => this.keep("session_error", JSON.stringify(event)));
  }

  keep(kind, detail) {
    this.events.push({ kind, detail });
    this.wake();
  }

  async connect(key) {
    await this.session.connect({ apiKey: key });
    this.recorder = new MediaRecorder(this.loudspeaker.srcObject);
    this.recorder.start();
  }

  // The detail of the next event of a kind, behind those that were waited for before.
  async next(kind, fits = () => true) {
    const end = performance.now() + LIMIT_MS;
    for (;;) {
      while (this.events.length > 0) {
        const event = this.events.shift();
        this.seen.push(event.kind);
        if (event.kind === "session_error") throw new Error(event.detail);
        if (event.kind === kind && fits(event.detail)) return event.detail;
      }
      if (performance.now() > end) {
        throw new Error(`no ${kind}; what came: ${this.seen.join(", ")}`);
      }
      await new Promise((resolve) => {
        this.wake = resolve;
        setTimeout(resolve, LIMIT_MS);
      });
    }
  }

  // A response that only calls a function ends as well, without words.
  async answer() {
    return this.next("agent_end", (said) => said !== "");
  }

  // What was heard so far, as WebM in base64.
  async heard() {
    const recorded = new Promise((resolve) => (this.recorder.ondataavailable = resolve));
    this.recorder.stop();
    const bytes = new Uint8Array(await (await recorded).data.arrayBuffer());
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
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

const scenarios = {
  async text(talk) {
    talk.session.sendMessage("Good morning");
    const said = await talk.answer();
    await talk.next("output_audio_buffer.stopped");
    return { said, heard: await talk.heard() };
  },

  async speech(talk) {
    const said = await talk.answer();
    await talk.next("output_audio_buffer.stopped");
    return { said, heard: await talk.heard() };
  },

  async tool(talk) {
    talk.session.sendMessage("How is the weather?");
    const result = await talk.next("agent_tool_end");
    const said = await talk.answer();
    return { result, said };
  },

  async interrupt(talk) {
    talk.session.sendMessage("Tell me a story");
    await talk.next("output_audio_buffer.started");
    talk.session.interrupt();
    await talk.next("output_audio_buffer.cleared");
    const { audio_end_ms: heard } = await talk.next("conversation.item.truncated");
    return { heard };
  },

  // The microphone, which hears somebody speak all the time, is opened amid the answer.
  async interjection(talk) {
    talk.session.mute(true);
    talk.session.sendMessage("Tell me a story");
    await talk.next("output_audio_buffer.started");
    talk.session.mute(false);
    await talk.next("output_audio_buffer.cleared");
    const { response } = await talk.next("response.done");
    await talk.next("conversation.item.truncated");
    const said = await talk.answer();
    return { cut: response.status_details, said };
  },
};

export async function run(name, url, key) {
  const talk = new Talk(url);
  await talk.connect(key);
  try {
    const outcome = await scenarios[name](talk);
    return { ...outcome, history: talk.history(), callId: talk.transport.callId };
  } finally {
    talk.session.close();
  }
}
