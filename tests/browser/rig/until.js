/**
 * Waits until something becomes true. The deadline is generous: it only distinguishes a hang from a slow machine and measures
 * nothing.
 */

const DEADLINE_MS = 60_000;
const LOOK_EVERY_MS = 50;

/**
 * @template T
 * @param {string} what for the error message
 * @param {() => Promise<T> | T} look
 * @param {() => Promise<unknown> | unknown} [explain] describes the current state for the error message
 * @returns {Promise<NonNullable<T>>} the first result that is not null or false
 */
export async function until(what, look, explain = look) {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const answer = await look();
    if (answer) return answer;
    if (Date.now() > deadline) {
      throw new Error(`Not within ${DEADLINE_MS / 1000} s: ${what}. There is: ${JSON.stringify(await explain())}`);
    }
    await pass(LOOK_EVERY_MS);
  }
}

/** @param {number} ms @returns {Promise<void>} lets sound play or the machine rest; nothing depends on the exact time */
export function pass(ms) {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
