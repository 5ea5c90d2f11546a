/**
 * Constants of the page: its decisions, and the times of its session and its questions. How to read a row: core/constants.js.
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
/** underruns | of the output: fewer may be chance | docs/design/latency-budget.md */
export const UNDERRUNS_MAX = 5;
/** ms | within which they must happen | docs/design/latency-budget.md */
export const UNDERRUNS_WITHIN_MS = 30_000;
/** ms | underruns at the start of a context do not count, because every start may cause some | tests/web/player.test.js */
export const WARM_UP_MS = 3000;

// Updates (update.js)

/** bytes | maximum length of a bundle's signature, which contains its manifest: ours has 2 KiB | not measured */
export const SIGNATURE_BYTES_MAX = 65_536;
/** bytes | at a bundle's end that give the signature's length: 64 bits, highest first | given: RAUC's bundle format */
export const LENGTH_BYTES = 8;
/** bytes | of a mebibyte, the unit in which the page gives a file's size | given: IEC 80000-13 */
export const MEBIBYTE = 1_048_576;

// A session (session.js, worker.js, audio_output.js)

/** ms | interval at which the session reads the control words and the output | not measured */
export const LOOK_EVERY_MS = 100;
/** looks | after which the session reads the what-if counts and reports to the service: one second | not measured */
export const SLOW_LOOKS = 10;
/** ms | in which the sound fades out before the output closes: three times RAMP_S | not measured */
export const CLOSE_AFTER_MS = 60;
/** ms | three looks: sound heard within this time counts as playing a moment ago | not measured */
export const SOUNDED_LATELY_MS = 300;
/** ms | after the first sound, the start is over: short glitches in it are forgotten (core/ledger.js) | tests/web/player.test.js */
export const SETTLED_MS = 1000;
/** ms | for which a refusal is shown: time to read it | not measured */
export const REFUSAL_SHOWN_MS = 8000;
/** ms | interval of the Worker's messages to the page | not measured */
export const STATUS_EVERY_MS = 100;
/** s | time constant for changes of the volume and for the end of a session, so that there is no step | not measured */
export const RAMP_S = 0.02;

// The memory of this device (player.js)

/** ppm, one sigma | a clock is stored once its uncertainty is smaller | not measured */
export const MEMORABLE_SIGMA_PPM = 1;
/** ms | minimum time between two writes to the browser's storage | not measured */
export const REMEMBER_EVERY_MS = 10_000;

// Questions to the service (main.js)

/** ms | interval at which the list of listeners is updated while it is open | not measured */
export const CLIENTS_EVERY_MS = 3000;
/** ms | interval at which the page asks for notices about the device, whose power may fail while it plays | not measured */
export const DEVICE_EVERY_MS = 60_000;
/** ms | interval at which the page asks for the progress of an update while the update panel is open | not measured */
export const UPDATE_EVERY_MS = 1000;

// The output of engines that do not tell it (engine.js)

export const FIREFOX_UNIX_OUTPUT = Object.freeze({
  /** ms | recorded delay less the buffer and the 3.2 ms of capture and network: 16.5 and 27.4 | docs/develop/engines.md */
  ms: 25,
  /** ms | covers both | docs/develop/engines.md */
  error_ms: 10,
});
export const WEBKIT_UNIX_OUTPUT = Object.freeze({
  /** ms | the same: 62.6 and 64.2 | docs/develop/engines.md */
  ms: 64,
  /** ms | more than their spread, because they are from one machine and one sound server | docs/develop/engines.md */
  error_ms: 15,
});
/** ms | by which `outputLatency` must exceed a stamp's distance to be believed instead: the way to wireless headphones, which some
    stamps leave out, takes 100 ms or more, and the two figures of one output differ by less than a buffer | not measured */
export const STAMP_SHORT_MS = 60;
/** ms | over which Chromium's average output delay is computed: its own average begins with the context, and would follow headphones that
    were connected later only after hours | tests/web/player.test.js */
export const OUTPUT_AVERAGE_MS = 10_000;
