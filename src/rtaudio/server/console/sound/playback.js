import { Level, SILENCE_DBFS } from "./level.js";

const CAPACITY_S = 600;

/** The loudspeaker of a WebSocket session, which the service sends sound ahead of time. */
export class Playback {
  #context = null;
  #player = null;
  #level = null;
  #cleared = [];
  #on;

  /**
   * @param {object} on
   * @param {(item: string) => void} on.began - the first sound of an item is being played
   * @param {() => void} on.full - ten minutes are waiting; the newest was dropped
   */
  constructor(on) {
    this.#on = on;
  }

  /** @param {number} rate - of the sound to come, in Hz; the browser converts it */
  async open(rate) {
    this.#context = new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
    await this.#context.audioWorklet.addModule(new URL("playback_worklet.js", import.meta.url));
    this.#player = new AudioWorkletNode(this.#context, "playback", {
      numberOfInputs: 0,
      outputChannelCount: [1],
      processorOptions: { capacity: CAPACITY_S * rate },
    });
    this.#player.port.onmessage = ({ data }) => this.#hear(data);
    this.#player.connect(this.#context.destination);
    this.#level = new Level(this.#player);
    // Not awaited: where the browser wants a gesture first, the promise waits for one.
    this.#context.resume();
  }

  /**
   * @param {string} item
   * @param {Float32Array} samples
   */
  add(item, samples) {
    this.#player?.port.postMessage({ type: "add", item, samples }, [samples.buffer]);
  }

  /** @param {string} item - of which all sound was added */
  end(item) {
    this.#player?.port.postMessage({ type: "end", item });
  }

  /**
   * Falls silent at once.
   *
   * @returns {Promise<{item: string, ms: number}[]>} how much was played of each unfinished item
   */
  async clear() {
    if (this.#player === null) return [];
    const cleared = new Promise((resolve) => this.#cleared.push(resolve));
    this.#player.port.postMessage({ type: "clear" });
    return cleared;
  }

  /** @returns {number} dBFS */
  level() {
    return this.#level?.read() ?? SILENCE_DBFS;
  }

  close() {
    this.#context?.close();
    for (const resolve of this.#cleared.splice(0)) resolve([]);
    this.#context = this.#player = this.#level = null;
  }

  #hear({ type, item, heard }) {
    if (type === "cleared") this.#cleared.shift()?.(heard);
    else if (type === "began") this.#on.began(item);
    else this.#on.full();
  }
}
