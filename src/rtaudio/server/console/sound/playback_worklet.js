// Runs in the audio thread: plays sound in the order in which it came, and counts for each item
// of the conversation how much of it was played, to the sample.

class Playback extends AudioWorkletProcessor {
  #queue = []; // of { item, samples, at }
  #queued = 0; // samples
  #items = new Map(); // those that are not over: item to { played, ended }
  #capacity;

  constructor({ processorOptions: { capacity } }) {
    super();
    this.#capacity = capacity;
    this.port.onmessage = ({ data }) => this[data.type](data);
  }

  add({ item, samples }) {
    if (this.#queued + samples.length > this.#capacity) {
      this.port.postMessage({ type: "full" });
      return;
    }
    if (!this.#items.has(item)) this.#items.set(item, { played: 0, ended: false });
    this.#queue.push({ item, samples, at: 0 });
    this.#queued += samples.length;
  }

  /** Nothing more comes for an item. */
  end({ item }) {
    const progress = this.#items.get(item);
    if (progress === undefined) return;
    progress.ended = true;
    this.#forget(item, progress);
  }

  /** Drops what is queued, and answers with how much was played of what was not over. */
  clear() {
    const heard = [...this.#items].map(([item, { played }]) => ({
      item,
      ms: Math.floor((played * 1000) / sampleRate),
    }));
    this.#queue = [];
    this.#queued = 0;
    this.#items.clear();
    this.port.postMessage({ type: "cleared", heard });
  }

  process(_inputs, [[channel]]) {
    let filled = 0; // the rest is silence already
    while (filled < channel.length && this.#queue.length > 0) {
      const { item, samples, at } = this.#queue[0];
      const taken = samples.subarray(at, at + channel.length - filled);
      channel.set(taken, filled);
      filled += taken.length;
      this.#played(item, taken.length);
      if (at + taken.length === samples.length) this.#queue.shift();
      else this.#queue[0].at += taken.length;
      this.#forget(item, this.#items.get(item));
    }
    return true;
  }

  #played(item, count) {
    const progress = this.#items.get(item);
    if (progress.played === 0) this.port.postMessage({ type: "began", item });
    progress.played += count;
    this.#queued -= count;
  }

  #forget(item, { ended }) {
    if (ended && !this.#queue.some((chunk) => chunk.item === item)) this.#items.delete(item);
  }
}

registerProcessor("playback", Playback);
