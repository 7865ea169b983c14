import { SILENCE_DBFS } from "../sound/level.js";
import { decodePcm, encodePcm } from "../sound/pcm.js";
import { Playback } from "../sound/playback.js";

const DEFAULT_RATE = 24000; // the protocol's, where a session names none
const MAX_UNSENT_BYTES = 1024 * 1024; // some 16 s of sound that the service was not ready for

/**
 * A session over a WebSocket: its sound travels in events, so the page plays it, knows what was
 * heard of it and says so when it is cut.
 */
export class WebSocketLine {
  #on;
  #socket = null;
  #settings = null; // the session's, as the service last told them
  #playback;
  #microphone = null;
  #response = null; // the id of the one whose sound comes
  #cut = null; // the id of the one that was cut: what is still under way of it is not played

  /** @param {import("./session.js").LineEvents} on */
  constructor(on) {
    this.#on = on;
    this.#playback = new Playback({
      began: on.began,
      full: () => on.failed("Ten minutes of sound wait to be played; more is dropped."),
    });
  }

  /**
   * Resolves when the session has begun.
   *
   * @param {string} token - "" where the service asks for none
   */
  async open(token) {
    const url = new URL("v1/realtime", document.baseURI);
    url.protocol = url.protocol.replace("http", "ws");
    // Browsers can't set headers here; as a subprotocol the token stays out of the URL.
    const protocols = token ? ["realtime", `openai-insecure-api-key.${token}`] : ["realtime"];
    try {
      this.#socket = new WebSocket(url, protocols);
    } catch {
      throw new Error("The token has characters that a browser can't send over a WebSocket.");
    }
    let refusal = null; // comes as an event before the end
    const begun = new Promise((resolve) => {
      this.#socket.onmessage = ({ data }) => {
        const event = JSON.parse(data);
        if (event.type === "session.created") resolve();
        refusal = event.type === "error" ? event.error.message : null;
        this.#receive(event);
      };
    });
    this.#socket.onclose = ({ code, reason }) =>
      this.#on.closed(refusal ?? `The service closed the connection (${reason || code}).`);
    await begun;
    await this.#playback.open(this.#settings.audio.output?.format.rate ?? DEFAULT_RATE);
  }

  /** @param {object} event */
  send(event) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#on.sent(event);
    this.#socket.send(JSON.stringify(event));
  }

  /** @param {import("../sound/microphone.js").Microphone} microphone */
  async listen(microphone) {
    this.#microphone = microphone;
    const rate = this.#settings.audio.input.format.rate ?? DEFAULT_RATE;
    await microphone.stream(rate, (samples) => {
      if (this.#microphone === microphone) this.#append(samples);
    });
  }

  /** Stops sending what the microphone hears. */
  deafen() {
    this.#microphone = null;
  }

  /** Falls silent, and tells the service how much was heard. */
  async interrupt() {
    this.#cut = this.#response;
    for (const { item, ms } of await this.#playback.clear()) {
      this.send({
        type: "conversation.item.truncate",
        item_id: item,
        content_index: 0,
        audio_end_ms: ms,
      });
    }
  }

  /** @returns {number} of what is played, in dBFS */
  level() {
    return this.#socket === null ? SILENCE_DBFS : this.#playback.level();
  }

  close() {
    this.deafen();
    this.#playback.close();
    if (this.#socket === null) return;
    this.#socket.onclose = this.#socket.onmessage = null;
    this.#socket.close();
    this.#socket = null;
  }

  #append(samples) {
    if (this.#socket?.bufferedAmount > MAX_UNSENT_BYTES) {
      this.#on.failed("The service does not keep up with the microphone; sound was lost.");
      return;
    }
    this.send({ type: "input_audio_buffer.append", audio: encodePcm(samples) });
  }

  #receive(event) {
    switch (event.type) {
      case "session.created":
      case "session.updated":
        this.#settings = event.session;
        break;
      case "response.created":
        this.#response = event.response.id;
        break;
      case "response.output_audio.delta":
        if (event.response_id !== this.#cut) {
          this.#playback.add(event.item_id, decodePcm(event.delta));
        }
        break;
      case "response.output_audio.done":
        this.#playback.end(event.item_id);
        break;
      case "input_audio_buffer.speech_started":
        if (this.#settings.audio.input.turn_detection?.interrupt_response ?? true) {
          this.interrupt();
        }
        break;
    }
    this.#on.received(event);
  }
}
