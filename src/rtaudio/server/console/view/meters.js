const PERIOD_MS = 50;
const CALM_PERIOD_MS = 500; // for those who asked for less motion

/**
 * Keeps two meters at the levels of a session.
 *
 * @param {HTMLMeterElement} input
 * @param {HTMLMeterElement} output
 * @param {() => {input: number, output: number}} read - dBFS
 */
export function runMeters(input, output, read) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const show = () => {
    const levels = read();
    for (const [meter, level] of [
      [input, levels.input],
      [output, levels.output],
    ]) {
      meter.value = level;
      meter.textContent = `${Math.round(level)} dBFS`; // what some screen readers read
    }
    setTimeout(show, calm.matches ? CALM_PERIOD_MS : PERIOD_MS);
  };
  show();
}
