/**
 * Waiting for something to become true. The deadline is generous: it tells a hang from a slow machine, it measures nothing.
 */

const DEADLINE_MS = 60_000;
const LOOK_EVERY_MS = 50;

/**
 * @template T
 * @param {string} what for the error's words
 * @param {() => Promise<T> | T} look
 * @param {() => Promise<unknown> | unknown} [explain] what there is instead
 * @returns {Promise<NonNullable<T>>} the first answer that is true
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

/** @param {number} ms @returns {Promise<void>} lets sound play, or a machine breathe; nothing depends on how long exactly */
export function pass(ms) {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
