export const SILENCE_DBFS = -60; // the least that is told apart

/** Tells how loud the sound is that passes a node of the audio graph. */
export class Level {
  #analyser;
  #samples;

  /** @param {AudioNode} node */
  constructor(node) {
    this.#analyser = new AnalyserNode(node.context, { fftSize: 2048 });
    this.#samples = new Float32Array(this.#analyser.fftSize);
    node.connect(this.#analyser);
  }

  /** @returns {number} of the last 2048 samples, in dBFS */
  read() {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    const power = this.#samples.reduce((sum, x) => sum + x * x, 0) / this.#samples.length;
    return Math.max(SILENCE_DBFS, 10 * Math.log10(power + 1e-12));
  }
}
