import { SILENCE_DBFS } from "../sound/level.js";
import { Microphone } from "../sound/microphone.js";
import { WebRTCLine } from "./webrtc_line.js";
import { WebSocketLine } from "./websocket_line.js";

/**
 * What a line tells its session.
 *
 * @typedef {object} LineEvents
 * @property {(event: object) => void} received
 * @property {(event: object) => void} sent
 * @property {(item: string) => void} began - the first sound of an item is being played
 * @property {(message: string) => void} failed - something went wrong, and the line goes on
 * @property {(message: string) => void} closed - by the other side
 */

const LINES = { websocket: WebSocketLine, webrtc: WebRTCLine };

const SETTINGS_EVENT = "settings"; // by this id an error tells that it is about them

// A response may end while the wish to cancel it is under way; nobody needs to hear of that.
const EXPECTED_ERRORS = new Set(["response_cancel_not_active"]);

/**
 * One session with the service at a time, over either transport.
 *
 * It dispatches these events:
 *   `change`: the state, or whether the microphone is open, is another; there is no detail.
 *   `wire`: an event was sent or received; detail `{direction: "sent" | "received", event, time}`.
 *   `began`: the first sound of an item is being played; detail `{item, time}`.
 *   `failure`: something for people to read; detail is the text.
 *
 * Times are milliseconds of `performance.now()`.
 */
export class Session extends EventTarget {
  /** @type {"closed" | "opening" | "open"} */
  state = "closed";
  talking = false; // whether the microphone is open
  #line = null;
  #microphone = null;
  #settings = null;
  #response = null; // the id of the one that is being written
  #speechUnderWay = false;
  #end = null; // rejects what waits for the session to begin
  #configured = null; // of the settings that were sent: { resolve, reject }

  /** Whether the service finds out by itself when somebody has finished speaking. */
  get detectsTurns() {
    return this.#settings?.audio.input.turn_detection != null;
  }

  /**
   * Connects, and tells the service the settings.
   *
   * @param {object} options
   * @param {"websocket" | "webrtc"} options.transport
   * @param {string} options.token
   * @param {object} options.session - for `session.update`
   */
  async open({ transport, token, session }) {
    const ended = new Promise((_, reject) => (this.#end = reject));
    this.#line = new LINES[transport]({
      received: (event) => this.#receive(event),
      sent: (event) => this.#tell("wire", { direction: "sent", event }),
      began: (item) => this.#tell("began", { item }),
      failed: (message) => this.#fail(message),
      closed: (message) => {
        if (this.state === "open") this.#fail(message);
        this.close(message);
      },
    });
    this.#enter("opening");
    try {
      await Promise.race([this.#begin(token, session), ended]);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  async #begin(token, session) {
    const line = this.#line;
    await line.open(token);
    if (this.#line !== line) return;
    this.#enter("open");
    await this.configure(session);
  }

  /** @param {string} reason - for who waits for the session to begin or to take its settings */
  close(reason = "Disconnected.") {
    this.#line?.close();
    this.#microphone?.close();
    this.#line = this.#microphone = this.#settings = this.#response = null;
    this.talking = this.#speechUnderWay = false;
    const error = new Error(reason);
    this.#end?.(error);
    this.#configured?.reject(error);
    this.#enter("closed");
  }

  /**
   * Changes the settings.
   *
   * @param {object} session - for `session.update`
   * @throws {Error} the service refused them
   */
  async configure(session) {
    const answered = new Promise((resolve, reject) => (this.#configured = { resolve, reject }));
    this.#send({ type: "session.update", event_id: SETTINGS_EVENT, session });
    await answered;
  }

  /** @param {string} text - what the user writes */
  write(text) {
    this.interrupt();
    const content = [{ type: "input_text", text }];
    this.#send({
      type: "conversation.item.create",
      item: { type: "message", role: "user", content },
    });
    this.#send({ type: "response.create" });
  }

  /**
   * Answers a call of a function.
   *
   * @param {string} callId
   * @param {string} output
   */
  answerCall(callId, output) {
    this.#send({
      type: "conversation.item.create",
      item: { type: "function_call_output", call_id: callId, output },
    });
    this.#send({ type: "response.create" });
  }

  /** Opens the microphone. Without turn detection this begins the user's turn. */
  async startTalking() {
    const line = this.#line;
    const microphone = new Microphone();
    await microphone.open();
    if (this.#line !== line) {
      microphone.close(); // the session ended while the browser asked
      return;
    }
    this.#microphone = microphone;
    this.talking = true;
    if (!this.detectsTurns) {
      this.interrupt();
      this.#send({ type: "input_audio_buffer.clear" });
    }
    await line.listen(microphone);
    this.#tell("change");
  }

  /** Closes the microphone, which ends a turn under way. */
  stopTalking() {
    this.#line.deafen();
    this.#microphone?.close();
    this.#microphone = null;
    this.talking = false;
    // With the microphone closed no silence comes any more by which the end would be detected.
    if (!this.detectsTurns || this.#speechUnderWay) {
      this.#speechUnderWay = false;
      this.#send({ type: "input_audio_buffer.commit" });
      this.#send({ type: "response.create" });
    }
    this.#tell("change");
  }

  /** Cuts the answer that is being given, if there is one. */
  interrupt() {
    if (this.#response !== null) this.#send({ type: "response.cancel" });
    this.#line.interrupt();
  }

  /** @returns {{input: number, output: number}} dBFS */
  levels() {
    return {
      input: this.#microphone?.level() ?? SILENCE_DBFS,
      output: this.#line?.level() ?? SILENCE_DBFS,
    };
  }

  #send(event) {
    if (this.#line === null) throw new Error("The session is over.");
    this.#line.send(event);
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
      case "response.done":
        if (event.response.id === this.#response) this.#response = null;
        break;
      case "input_audio_buffer.speech_started":
        this.#speechUnderWay = true;
        break;
      case "input_audio_buffer.speech_stopped":
        this.#speechUnderWay = false;
        break;
    }
    this.#tell("wire", { direction: "received", event });
    if (event.type === "session.updated") {
      this.#configured?.resolve();
      this.#tell("change");
    } else if (event.type === "error") {
      const { code, message, event_id: cause } = event.error;
      if (cause === SETTINGS_EVENT) this.#configured?.reject(new Error(message));
      else if (!EXPECTED_ERRORS.has(code)) this.#fail(message);
    }
  }

  #enter(state) {
    this.state = state;
    this.#tell("change");
  }

  #fail(message) {
    this.dispatchEvent(new CustomEvent("failure", { detail: message }));
  }

  #tell(type, detail = {}) {
    detail.time = performance.now();
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
