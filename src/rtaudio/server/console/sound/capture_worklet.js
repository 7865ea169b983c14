// Runs in the audio thread: what the microphone hears, at the session's rate, in even chunks.

import { Resampler } from "./resampler.js";

class Capture extends AudioWorkletProcessor {
  #resampler;
  #chunk;
  #filled = 0;

  constructor({ processorOptions: { rate, chunkSamples } }) {
    super();
    this.#resampler = new Resampler(sampleRate, rate);
    this.#chunk = new Float32Array(chunkSamples);
  }

  process([[channel]]) {
    if (channel !== undefined) this.#take(this.#resampler.process(channel));
    return true;
  }

  #take(samples) {
    for (const sample of samples) {
      this.#chunk[this.#filled++] = sample;
      if (this.#filled === this.#chunk.length) {
        this.port.postMessage(this.#chunk);
        this.#filled = 0;
      }
    }
  }
}

registerProcessor("capture", Capture);
