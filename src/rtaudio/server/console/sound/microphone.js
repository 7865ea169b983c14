import { Level, SILENCE_DBFS } from "./level.js";

const CHUNK_S = 0.04; // short enough for turn detection to react at once

/** The microphone, for as long as it is open. */
export class Microphone {
  #context = null;
  #source = null;
  #level = null;
  #stream = null;

  /**
   * Asks for the microphone.
   *
   * @throws {Error} with what a person can do about it
   */
  async open() {
    if (navigator.mediaDevices === undefined) {
      throw new Error(
        "The browser lends the microphone only to pages from this machine or over HTTPS.",
      );
    }
    try {
      this.#stream = await navigator.mediaDevices.getUserMedia({
        audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true },
      });
    } catch (error) {
      throw new Error(REFUSALS[error.name] ?? `The microphone can't be opened: ${error.message}`);
    }
    this.#context = new AudioContext({ latencyHint: "interactive" });
    this.#source = this.#context.createMediaStreamSource(this.#stream);
    this.#level = new Level(this.#source);
    await this.#context.resume();
  }

  /** @returns {MediaStreamTrack} */
  get track() {
    return this.#stream.getAudioTracks()[0];
  }

  /**
   * Hands over what is heard from now on.
   *
   * @param {number} rate - Hz
   * @param {(samples: Float32Array) => void} take
   */
  async stream(rate, take) {
    await this.#context.audioWorklet.addModule(new URL("capture_worklet.js", import.meta.url));
    const capture = new AudioWorkletNode(this.#context, "capture", {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: "explicit",
      processorOptions: { rate, chunkSamples: Math.round(rate * CHUNK_S) },
    });
    capture.port.onmessage = ({ data }) => take(data);
    this.#source.connect(capture);
  }

  /** @returns {number} dBFS */
  level() {
    return this.#level?.read() ?? SILENCE_DBFS;
  }

  close() {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#context?.close();
    this.#stream = this.#context = this.#source = this.#level = null;
  }
}

const REFUSALS = {
  NotAllowedError: "The microphone is not allowed; allow it in the browser's settings of this page.",
  NotFoundError: "There is no microphone.",
  NotReadableError: "The microphone is in use by another program.",
};
