// Browsers capture at the rate of the sound card, and not all of them convert it for us (Firefox
// refuses a microphone in a context of another rate). So the page does it: a windowed sinc, whose
// values are worked out once for each of the places that an output sample can have between two
// input samples.

const CROSSINGS = 24; // zeros of the sinc on either side
const PASSBAND = 0.92; // of the lower rate's Nyquist frequency; the rest is for the slope

/** Converts a stream of mono sound to another sample rate. */
export class Resampler {
  #up;
  #down;
  #phases;
  #pending; // input that further output depends on
  #position = 0; // of the next output sample's first tap in it, in 1/up of a sample

  /**
   * @param {number} from - Hz
   * @param {number} to - Hz
   */
  constructor(from, to) {
    const divisor = greatestCommonDivisor(from, to);
    this.#up = to / divisor;
    this.#down = from / divisor;
    const half = from === to ? 1 : Math.ceil(CROSSINGS * Math.max(1, from / to));
    const cutoff = from === to ? 1 : PASSBAND * Math.min(1, to / from);
    this.#phases = Array.from({ length: this.#up }, (_, phase) =>
      taps(half, cutoff, phase / this.#up),
    );
    this.#pending = new Float32Array(half - 1); // silence, so that the first output is at time 0
  }

  /**
   * @param {Float32Array} input - any number of samples
   * @returns {Float32Array} what can be told with them; the rest follows with later input
   */
  process(input) {
    const sound = new Float32Array(this.#pending.length + input.length);
    sound.set(this.#pending);
    sound.set(input, this.#pending.length);
    const output = [];
    const last = sound.length - this.#phases[0].length;
    let first = Math.floor(this.#position / this.#up);
    while (first <= last) {
      const kernel = this.#phases[this.#position % this.#up];
      let sum = 0;
      for (let tap = 0; tap < kernel.length; tap++) sum += kernel[tap] * sound[first + tap];
      output.push(sum);
      this.#position += this.#down;
      first = Math.floor(this.#position / this.#up);
    }
    const done = Math.min(first, sound.length);
    this.#pending = sound.slice(done);
    this.#position -= done * this.#up;
    return Float32Array.from(output);
  }
}

/** The filter for an output `fraction` of a sample behind the input that tap `half - 1` meets. */
function taps(half, cutoff, fraction) {
  const kernel = Float64Array.from({ length: 2 * half }, (_, tap) => {
    const distance = tap - (half - 1) - fraction;
    return sinc(cutoff * distance) * blackman(distance / half);
  });
  const sum = kernel.reduce((total, value) => total + value);
  return kernel.map((value) => value / sum);
}

function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** Blackman's window over -1 to 1. */
function blackman(x) {
  return 0.42 + 0.5 * Math.cos(Math.PI * x) + 0.08 * Math.cos(2 * Math.PI * x);
}

function greatestCommonDivisor(a, b) {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
