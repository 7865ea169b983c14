// How long people wait: for each turn of theirs, the time from its end to what came of it.

const KEPT = 5;

/**
 * @typedef {object} Turn
 * @property {number} number - from 1
 * @property {"spoken" | "typed"} kind
 * @property {number | null} transcript - ms until the transcript of a spoken turn was complete
 * @property {number | null} text - ms until the first words of the answer
 * @property {number | null} sound - ms until its first sound
 */

/** Measures turns by the events of a session. */
export class Turns {
  #turns = []; // with what is needed to know them again: { turn, end, item, responses, items }
  #count = 0;
  #silence = 0; // ms that turn detection waits for before it tells of the end

  /** @returns {Turn[]} the last five, newest first */
  get latest() {
    return this.#turns.map(({ turn }) => turn).reverse();
  }

  /**
   * @param {"sent" | "received"} direction
   * @param {object} event
   * @param {number} time - ms
   * @returns {boolean} whether a turn changed
   */
  take(direction, event, time) {
    const { type } = event;
    if (direction === "sent") {
      if (type === "input_audio_buffer.commit") this.#begin("spoken", time, null);
      else if (event.item?.role === "user") this.#begin("typed", time, null);
      else return false;
      return true;
    }
    if (type === "session.created" || type === "session.updated") {
      this.#silence = event.session.audio.input.turn_detection?.silence_duration_ms ?? 0;
      return false;
    }
    if (type === "input_audio_buffer.speech_stopped") {
      this.#begin("spoken", time - this.#silence, event.item_id);
      return true;
    }
    if (type === "input_audio_buffer.committed") {
      const open = this.#last((entry) => entry.turn.kind === "spoken");
      if (open !== undefined) open.item ??= event.item_id;
      return false;
    }
    return this.#answer(event, time);
  }

  /**
   * The first sound of an item is being played.
   *
   * @param {string} item
   * @param {number} time - ms
   */
  began(item, time) {
    this.#mark("sound", (entry) => entry.items.has(item), time);
  }

  #answer(event, time) {
    switch (event.type) {
      case "conversation.item.input_audio_transcription.completed":
        return this.#mark("transcript", (entry) => entry.item === event.item_id, time);
      case "response.created": // behind a call of a function a turn has a second one
        this.#last(() => true)?.responses.add(event.response.id);
        return false;
      case "response.output_item.added":
        this.#last((entry) => entry.responses.has(event.response_id))?.items.add(event.item.id);
        return false;
      case "response.output_text.delta":
      case "response.output_audio_transcript.delta":
        return this.#mark("text", (entry) => entry.responses.has(event.response_id), time);
      case "output_audio_buffer.started":
        return this.#mark("sound", (entry) => entry.responses.has(event.response_id), time);
    }
    return false;
  }

  #begin(kind, end, item) {
    const turn = { number: ++this.#count, kind, transcript: null, text: null, sound: null };
    this.#turns.push({ turn, end, item, responses: new Set(), items: new Set() });
    if (this.#turns.length > KEPT) this.#turns.shift();
  }

  #mark(what, belongs, time) {
    const entry = this.#last(belongs);
    if (entry === undefined || entry.turn[what] !== null) return false;
    entry.turn[what] = Math.round(time - entry.end);
    return true;
  }

  #last(belongs) {
    return this.#turns.findLast(belongs);
  }
}
