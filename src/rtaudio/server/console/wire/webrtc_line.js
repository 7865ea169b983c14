import { Level, SILENCE_DBFS } from "../sound/level.js";

/**
 * A session over WebRTC: its sound travels as media, the browser plays it, and the service, which
 * sends it as fast as it is heard, knows by itself where it was cut.
 */
export class WebRTCLine {
  #on;
  #peer = null;
  #channel = null;
  #sender = null;
  #loudspeaker = new Audio();
  #context = null;
  #level = null;
  #speaking = null; // the response that is being played

  /** @param {import("./session.js").LineEvents} on */
  constructor(on) {
    this.#on = on;
  }

  /**
   * Resolves when the session has begun.
   *
   * @param {string} token - "" where the service asks for none
   */
  async open(token) {
    this.#peer = new RTCPeerConnection();
    // The microphone takes its place in the call later, without another offer.
    this.#sender = this.#peer.addTransceiver("audio", { direction: "sendrecv" }).sender;
    this.#peer.ontrack = ({ track }) => this.#play(new MediaStream([track]));
    this.#channel = this.#peer.createDataChannel("oai-events");
    const begun = new Promise((resolve) => {
      this.#channel.onmessage = ({ data }) => {
        const event = JSON.parse(data);
        if (event.type === "session.created") resolve();
        this.#receive(event);
      };
    });
    this.#channel.onclose = () => this.#on.closed("The service ended the call.");
    this.#peer.onconnectionstatechange = () => {
      if (this.#peer?.connectionState === "failed") this.#on.closed("The connection was lost.");
    };
    await this.#peer.setLocalDescription();
    await this.#gathered();
    const answer = await this.#call(this.#peer.localDescription.sdp, token);
    await this.#peer.setRemoteDescription({ type: "answer", sdp: answer });
    await begun;
  }

  /** @param {object} event */
  send(event) {
    if (this.#channel?.readyState !== "open") return;
    this.#on.sent(event);
    this.#channel.send(JSON.stringify(event));
  }

  /** @param {import("../sound/microphone.js").Microphone} microphone */
  async listen(microphone) {
    await this.#sender.replaceTrack(microphone.track);
  }

  /** Stops sending what the microphone hears. */
  deafen() {
    this.#sender?.replaceTrack(null);
  }

  /** Makes the service fall silent. */
  async interrupt() {
    if (this.#speaking !== null) this.send({ type: "output_audio_buffer.clear" });
  }

  /** @returns {number} of what is played, in dBFS */
  level() {
    return this.#level?.read() ?? SILENCE_DBFS;
  }

  close() {
    const peer = this.#peer;
    if (this.#channel !== null) this.#channel.onclose = null;
    this.#peer = this.#channel = this.#sender = this.#level = null;
    peer?.close();
    this.#context?.close();
    this.#context = null;
    this.#loudspeaker.srcObject = null;
  }

  /** Waits for the addresses at which this end can be reached: the offer is sent once, whole. */
  async #gathered() {
    const peer = this.#peer;
    await new Promise((resolve) => {
      peer.onicegatheringstatechange = () => {
        if (peer.iceGatheringState === "complete") resolve();
      };
      peer.onicegatheringstatechange();
    });
  }

  /** Posts the offer and returns the answer. */
  async #call(offer, token) {
    const headers = { "Content-Type": "application/sdp" };
    if (token) headers.Authorization = `Bearer ${token}`;
    const url = new URL("v1/realtime/calls", document.baseURI);
    const response = await fetch(url, { method: "POST", headers, body: offer });
    const body = await response.text();
    if (!response.ok) {
      throw new Error(refusal(body) ?? `The service refused the call (${response.status}).`);
    }
    return body;
  }

  #play(stream) {
    // Chromium hands a call's sound to the graph only while an element plays it too.
    this.#loudspeaker.srcObject = stream;
    this.#loudspeaker.play().catch(() => this.#on.failed("The browser does not play sound here."));
    this.#context = new AudioContext();
    this.#level = new Level(this.#context.createMediaStreamSource(stream));
    this.#context.resume();
  }

  #receive(event) {
    switch (event.type) {
      case "output_audio_buffer.started":
        this.#speaking = event.response_id;
        break;
      case "output_audio_buffer.stopped":
      case "output_audio_buffer.cleared":
        this.#speaking = null;
        break;
    }
    this.#on.received(event);
  }
}

/** The message in the body of an HTTP error, null where there is none. */
function refusal(body) {
  try {
    return JSON.parse(body).error.message;
  } catch {
    return null;
  }
}
