// Sound as the wire has it, PCM16 in base64, and as browsers have it, floats from -1 to 1.
// PCM16 is little-endian, and so is every machine that a browser of today runs on.

/**
 * @param {Float32Array} samples - some 10 ms; what is beyond full scale is clipped
 * @returns {string}
 */
export function encodePcm(samples) {
  const pcm = Int16Array.from(samples, (x) => Math.round(32767 * Math.max(-1, Math.min(1, x))));
  return btoa(String.fromCharCode(...new Uint8Array(pcm.buffer)));
}

/**
 * @param {string} base64
 * @returns {Float32Array}
 */
export function decodePcm(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return Float32Array.from(new Int16Array(bytes.buffer), (x) => x / 32768);
}
