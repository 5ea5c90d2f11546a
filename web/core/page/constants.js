/**
 * Constants of what the page decides. How to read a row: core/constants.js.
 */

// The state (phase.js)

/** ms | Chromium needs some 100 ms from the gesture to running; before this no user is told to tap | not measured */
export const START_GRACE_MS = 1500;
/** ms | a running context whose time stands still for this long is frozen (iOS after a call: stream-video-js#2249) | tests/web/player.test.js */
export const FROZEN_MS = 1500;
/** ms | a shorter interruption is a glitch, not a state | not measured */
export const BUFFERING_MS = 300;

// The latency hint (output_choice.js)

/** hint | from least delay to most | docs/design/latency-budget.md */
export const HINTS = Object.freeze(/** @type {const} */ ([0, 'interactive', 'balanced']));
/** index | of the first hint for Safest | docs/design/latency-budget.md */
export const SAFE_HINT = 1;
/** underruns | of the output that are no longer chance | docs/design/latency-budget.md */
export const UNDERRUNS_MAX = 5;
/** ms | within which they must happen | docs/design/latency-budget.md */
export const UNDERRUNS_WITHIN_MS = 30_000;
/** ms | a new context may stumble; underruns do not count until then | tests/web/player.test.js */
export const WARM_UP_MS = 3000;

// Updates (update.js)

/** bytes | maximum length of a bundle's signature, which contains its manifest: ours has 2 KiB | not measured */
export const SIGNATURE_BYTES_MAX = 65_536;
/** bytes | at a bundle's end that give the signature's length: 64 bits, highest first | given: RAUC's bundle format */
export const LENGTH_BYTES = 8;
/** bytes | of a mebibyte, the unit in which the page gives a file's size | given: IEC 80000-13 */
export const MEBIBYTE = 1_048_576;
