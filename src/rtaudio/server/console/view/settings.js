const STORED = "rtaudio-console-settings"; // in sessionStorage: gone with the tab

const TURN_DETECTION = {
  server_vad: { type: "server_vad" },
  semantic_vad: { type: "semantic_vad" },
  none: null,
};

/** The form of the settings, remembered until its tab is closed. */
export class Settings {
  #fields;

  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.#fields = form.elements;
    this.#restore();
    form.addEventListener("change", () => this.#store());
  }

  /** @returns {"websocket" | "webrtc"} */
  get transport() {
    return this.#fields.transport.value;
  }

  /** @returns {string} "" for none */
  get token() {
    return this.#fields.token.value.trim();
  }

  /**
   * What `session.update` has to say.
   *
   * @throws {Error} the tools are no list in JSON
   */
  get session() {
    const { instructions, output, detection } = this.#fields;
    return {
      type: "realtime",
      instructions: instructions.value,
      output_modalities: [output.value],
      tools: this.#tools(),
      audio: {
        input: { transcription: {}, turn_detection: TURN_DETECTION[detection.value] },
      },
    };
  }

  #tools() {
    const text = this.#fields.tools.value.trim();
    if (text === "") return [];
    let tools = null;
    try {
      tools = JSON.parse(text);
    } catch (error) {
      throw new Error(`The tools are not JSON: ${error.message}.`);
    }
    if (!Array.isArray(tools)) throw new Error("The tools have to be a list, in [ ].");
    return tools;
  }

  #store() {
    const values = [...this.#fields]
      .filter(({ name, type, checked }) => name !== "" && (type !== "radio" || checked))
      .map(({ name, value }) => [name, value]);
    sessionStorage.setItem(STORED, JSON.stringify(Object.fromEntries(values)));
  }

  #restore() {
    const stored = JSON.parse(sessionStorage.getItem(STORED) ?? "{}");
    for (const [name, value] of Object.entries(stored)) {
      if (this.#fields[name] !== undefined) this.#fields[name].value = value;
    }
  }
}
