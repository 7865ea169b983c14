import { keepAtEnd, make } from "./dom.js";

const KEPT = 500; // entries; the oldest go first

const NAMES = { user: "You", assistant: "Assistant", system: "System" };

/** What was said, by both sides, while it is being said. */
export class Transcript {
  #list;
  #answer;
  #entries = new Map(); // item id to its entry

  /**
   * @param {HTMLElement} list
   * @param {(callId: string, output: string) => void} answer - answers a call of a function
   */
  constructor(list, answer) {
    this.#list = list;
    this.#answer = answer;
  }

  clear() {
    this.#entries.clear();
    this.#list.replaceChildren();
  }

  /** @param {object} event - received */
  take(event) {
    keepAtEnd(this.#list, () => this.#take(event));
  }

  #take(event) {
    switch (event.type) {
      case "input_audio_buffer.speech_started":
        this.#entry(event.item_id, "user");
        break;
      case "conversation.item.added":
        this.#add(event.item);
        break;
      case "conversation.item.deleted":
        this.#remove(event.item_id);
        break;
      case "conversation.item.truncated":
        this.#entries
          .get(event.item_id)
          ?.note(`cut after ${(event.audio_end_ms / 1000).toFixed(1)} s`);
        break;
      case "conversation.item.input_audio_transcription.delta":
        this.#entry(event.item_id, "user").grow(event.delta);
        break;
      case "conversation.item.input_audio_transcription.completed":
        this.#entry(event.item_id, "user").finish(event.transcript || "(no words)");
        break;
      case "conversation.item.input_audio_transcription.failed":
        this.#entry(event.item_id, "user").finish(`(${event.error.message})`);
        break;
      case "response.output_text.delta":
      case "response.output_audio_transcript.delta":
        this.#entry(event.item_id, "assistant").grow(event.delta);
        break;
      case "response.output_text.done":
        this.#entry(event.item_id, "assistant").finish(event.text);
        break;
      case "response.output_audio_transcript.done":
        this.#entry(event.item_id, "assistant").finish(event.transcript);
        break;
      case "response.function_call_arguments.done":
        this.#call(event);
        break;
      case "response.output_item.done":
        this.#entries.get(event.item.id)?.settle();
        break;
    }
  }

  #add(item) {
    if (item.type === "function_call_output") {
      this.#entry(item.id, "tool", "Output").finish(item.output);
    } else if (item.type === "function_call") {
      this.#entry(item.id, "tool", item.name);
    } else if (item.type === "message") {
      const entry = this.#entry(item.id, item.role);
      const text = item.content.map((part) => part.text ?? part.transcript ?? "").join(" ");
      if (text !== "") entry.finish(text);
    }
  }

  #call({ item_id: item, call_id: call, name, arguments: json }) {
    const entry = this.#entry(item, "tool", name);
    entry.finish(json);
    entry.ask("Output", (output) => this.#answer(call, output));
  }

  #entry(item, role, name = NAMES[role] ?? role) {
    let entry = this.#entries.get(item);
    if (entry === undefined) {
      entry = new Entry(role, name);
      this.#entries.set(item, entry);
      this.#list.append(entry.element);
      if (this.#entries.size > KEPT) this.#remove(this.#entries.keys().next().value);
    }
    return entry;
  }

  #remove(item) {
    this.#entries.get(item)?.element.remove();
    this.#entries.delete(item);
  }
}

/** One item of the conversation. While it is `aria-busy` screen readers wait for the rest. */
class Entry {
  #text = make("p.text");
  #notes = make("p.notes");

  constructor(role, name) {
    this.element = make("article.entry", make("h3", name), this.#text, this.#notes);
    this.element.dataset.role = role;
    this.element.ariaBusy = "true";
  }

  grow(text) {
    this.#text.append(text);
  }

  finish(text) {
    this.#text.textContent = text;
    this.settle();
  }

  settle() {
    this.element.ariaBusy = "false";
  }

  note(text) {
    this.#notes.textContent = text;
    this.settle();
  }

  /** Asks for a line of text. */
  ask(label, answer) {
    const input = make("input");
    input.required = true;
    const form = make("form.ask", make("label", label, input), make("button", "Send"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      form.remove();
      answer(input.value);
    });
    this.element.append(form);
  }
}
