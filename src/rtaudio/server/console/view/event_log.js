import { keepAtEnd, make } from "./dom.js";

const KEPT = 1000; // events; the oldest go first
const SOUND = new Set(["input_audio_buffer.append", "response.output_audio.delta"]);
const SHOWN_SOUND = 32; // characters of base64 that are kept of each piece

/**
 * The events of the session as they were sent, to be filtered and copied. Those with sound, some
 * dozens a second, are only noted while somebody wants to see them, and of their sound only the
 * beginning.
 */
export class EventLog {
  #list;
  #filter;
  #report;
  #entries = []; // of { direction, type, json, element }

  /**
   * @param {HTMLElement} section - holds a form `filter`, a list and the buttons
   * @param {(message: string) => void} report - tells people that something was done
   */
  constructor(section, report) {
    this.#list = section.querySelector("ol");
    this.#filter = section.querySelector("form").elements;
    this.#report = report;
    section.addEventListener("input", () => this.#refilter());
    section.addEventListener("submit", (event) => event.preventDefault());
    section.querySelector("[name=copy]").addEventListener("click", () => this.#copyShown());
    section.querySelector("[name=clear]").addEventListener("click", () => this.clear());
  }

  /**
   * @param {"sent" | "received"} direction
   * @param {object} event
   */
  add(direction, event) {
    if (SOUND.has(event.type) && !this.#filter.sound.checked) return;
    const entry = { direction, type: event.type, json: JSON.stringify(event, shorten) };
    entry.element = this.#element(entry, clockTime(new Date()));
    entry.element.hidden = !this.#shows(entry);
    this.#entries.push(entry);
    keepAtEnd(this.#list, () => {
      this.#list.append(entry.element);
      if (this.#entries.length > KEPT) this.#entries.shift().element.remove();
    });
  }

  clear() {
    this.#entries = [];
    this.#list.replaceChildren();
  }

  #element({ direction, type, json }, time) {
    const arrow = make("span.direction", direction === "sent" ? "↑" : "↓");
    arrow.role = "img";
    arrow.ariaLabel = direction;
    const summary = make("summary", make("time", time), arrow, make("code", type));
    const details = make("details", summary);
    if (type === "error") details.className = "error";
    details.addEventListener("toggle", () => {
      if (!details.open || details.children.length > 1) return;
      const copy = make("button", "Copy");
      copy.addEventListener("click", () => this.#copy(json, "The event"));
      details.append(make("pre", JSON.stringify(JSON.parse(json), null, 2)), copy);
    });
    return make("li", details);
  }

  #shows({ direction, type }) {
    const { text, direction: wanted, sound } = this.#filter;
    return (
      (sound.checked || !SOUND.has(type)) &&
      (wanted.value === "both" || wanted.value === direction) &&
      type.includes(text.value.trim().toLowerCase())
    );
  }

  #refilter() {
    for (const entry of this.#entries) entry.element.hidden = !this.#shows(entry);
    this.#list.scrollTop = this.#list.scrollHeight;
  }

  #copyShown() {
    const shown = this.#entries.filter((entry) => this.#shows(entry));
    this.#copy(shown.map(({ json }) => json).join("\n"), `${shown.length} event(s)`);
  }

  async #copy(text, what) {
    try {
      await navigator.clipboard.writeText(text);
      this.#report(`${what} copied, a line of JSON each.`);
    } catch {
      this.#report("The browser does not let this page copy; select the text instead.");
    }
  }
}

/** For JSON.stringify: cuts sound, of which one second would fill the screen. */
function shorten(key, value) {
  const isSound = key === "audio" || (key === "delta" && this.type === "response.output_audio.delta");
  if (!isSound || typeof value !== "string" || value.length <= SHOWN_SOUND) return value;
  return `${value.slice(0, SHOWN_SOUND)}… (${value.length} characters)`;
}

function clockTime(date) {
  const ms = String(date.getMilliseconds()).padStart(3, "0");
  return `${date.toLocaleTimeString([], { hour12: false })}.${ms}`;
}
