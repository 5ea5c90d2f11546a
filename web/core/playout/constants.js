/**
 * Constants of the playout: the law of the lead, steering, the reader, the ring. How to read a row: core/constants.js.
 */

import { PPM } from '../constants.js';
import { framesOf } from '../units.js';

// The law of the lead (target.js)

/** ms | the shortest lead counted | not measured */
export const LEAD_MS_MIN = 4;
/** ratio | between two neighbouring leads that the law weighs: finer than the jitter of a cable | not measured */
export const TARGET_FACTOR = 1.025;
/** leads | that the law weighs, up to 1.01 s | not measured */
export const TARGET_LEADS = 225;

/**
 * A mode. The cheapest lead is the one with the least `lead + price x root of the interruptions remembered`, among those that miss no
 * larger share of the time than this.
 *
 * @typedef {object} Law
 * @property {number} price @property {number} memory @property {number} margin @property {number} caution @property {number} missing
 * @property {number} most
 */

/** @type {Law} */
export const AUTO = {
  /** ms | of delay that one remembered interruption is worth; four are worth more than twice as much | docs/design/playout.md */
  price: 150,
  /** ms | for which an interruption is remembered | docs/design/playout.md */
  memory: 300_000,
  /** ms | kept beyond the required lead | docs/design/playout.md */
  margin: 0.3,
  /** share | of the spread of required leads that is added as caution while little has been observed | docs/design/playout.md */
  caution: 0.5,
  /** share | of the time that may be missing | docs/design/playout.md */
  missing: 0.05,
  /** ms | the longest lead | docs/design/playout.md */
  most: 500,
};
/** @type {Law} */
export const LOWEST = {
  /** ms | an interruption is worth little delay | docs/design/playout.md */
  price: 15,
  /** ms | an interruption is soon forgotten | docs/design/playout.md */
  memory: 60_000,
  /** ms | a near miss hardly counts | docs/design/playout.md */
  margin: 0.2,
  /** share | no caution is added | docs/design/playout.md */
  caution: 0,
  /** share | of the time that may be missing: 1 % is promised | docs/design/playout.md */
  missing: 0.006,
  /** ms | the longest lead | docs/design/playout.md */
  most: 1000,
};
/** @type {Law} */
export const SAFEST = {
  /** ms | an interruption is worth almost any delay | docs/design/playout.md */
  price: 1000,
  /** ms | an interruption is remembered for an hour | docs/design/playout.md */
  memory: 3_600_000,
  /** ms | more than a packet's length is kept as a reserve | docs/design/playout.md */
  margin: 12,
  /** share | the whole spread of required leads is added as caution | docs/design/playout.md */
  caution: 1,
  /** share | of the time that may be missing | docs/design/playout.md */
  missing: 0.001,
  /** ms | the longest lead the ring holds at every rate | docs/design/playout.md */
  most: 1000,
};

/** interruptions | remembered ones below this number hardly cost anything: so the delay shrinks again once they are nearly forgotten
    | docs/design/playout.md */
export const FORGOTTEN = 0.5;
/** interruptions | the cost of one that is not heard: it stands in the list of glitches | docs/design/playout.md */
export const INAUDIBLE_COST = 0.005;
/** ms | a longer row of missing frames is a stall that no lead covers: it does not count as a share of the time | docs/design/playout.md */
export const LONG_STALL_MS = 500;
/** ratio | of that limit, beyond which what the target itself missed makes the limit tighter: the promise is 1 %, the limit 0.6 %
    | tests/web/simulation.test.js */
export const MISSED_FACTOR = 1.5;
/** ms | for which missing time is remembered | docs/design/playout.md */
export const MISSING_MEMORY_MS = 300_000;
/** ms | observed at least, before missing time is called a share | docs/design/playout.md */
export const MISSING_MS_MIN = 30_000;
/** share | of that limit, below which a lead that missed too much may be chosen again | docs/design/playout.md */
export const MISSING_AGAIN = 0.6;
/** ms | the shortest memory, once the start is over | docs/design/playout.md */
export const MEMORY_MS_MIN = 30_000;
/** ms | of the start: pages and browsers are busy when sound begins, and that is no lesson for later | docs/design/playout.md */
export const START_WATCH_MS = 8000;
/** ms | for which an interruption is remembered until then | docs/design/playout.md */
export const START_MEMORY_MS = 700;
/** ms | from the start, in which a step to a shorter lead waits less long for silence | docs/design/playout.md */
export const START_PATIENT_MS = 20_000;
/** ms | for which it waits then | docs/design/playout.md */
export const START_PATIENCE_MS = 4000;
/** ms | after which enough has been observed, and caution has faded | docs/design/playout.md */
export const CAUTIOUS_MS = 200_000;
/** ms | the most that caution may add: a network that became slower once need not do so again | docs/design/playout.md */
export const CAUTION_MS_MAX = 20;
/** ms | a longer lead is chosen only if it is cheaper by this much: lateness comes in whole blocks | docs/design/playout.md */
export const WORTH_MS = 1.5;
/** ms | steps in which memory fades | not measured */
export const MEMORY_STEP_MS = 100;
/** 1/s | the same as a rate | given: MEMORY_STEP_MS */
export const MEMORY_STEPS_PER_S = 1000 / MEMORY_STEP_MS;
/** ms | a target that creeps by less does not move a reader that rests, or it would never rest | not measured */
export const RESTING_MS = 0.3;
/** ms | for which a step to a shorter lead waits for silence | docs/design/playout.md */
export const PATIENCE_MS = 15_000;
/** ms | the target before anything is known | not measured */
export const FIRST_TARGET_MS = 12;
/** steps | of memory, 20 s: the page shows the longest lead required in these | given: docs/guide/report.md */
export const SHOWN_STEPS = 200;
/** frames | longer than any lead: the largest whole number that every engine stores without an object | given: V8's small integers */
export const FRAMES_BEYOND = 0x3fff_ffff;

// A delay that rises (rise.js)

/** steps | of 100 ms in which the delay must rise, all but one | docs/design/playout.md */
export const RISE_STEPS = 10;
/** steps | that suffice for a steep rise | docs/design/playout.md */
export const RISE_STEPS_STEEP = 5;
/** ms/s | a steep rise | docs/design/playout.md */
export const RISE_STEEP_MS_PER_S = 30;
/** ms/s | the slowest rise: a tenth of it would be the drift of two clocks | docs/design/playout.md */
export const RISE_MS_PER_S_MIN = 4;
/** ms/s | the fastest rise: at 1000 nothing arrives, and that is a stall | docs/design/playout.md */
export const RISE_MS_PER_S_MAX = 200;
/** s | for which a rise is expected to continue, at first | docs/design/playout.md */
export const FORESIGHT_S = 3;
/** ratio | a rise that lasted this long is expected to continue for three times as long | docs/design/playout.md */
export const FORESIGHT_FACTOR = 3;
/** s | before the lead is too short, it grows | docs/design/playout.md */
export const RISE_SOON_S = 0.5;
/** ms | the most that is foreseen at once: a queue is not endless | docs/design/playout.md */
export const FORESEEN_MS_MAX = 80;
/** s | without a rise, after which it is over | docs/design/playout.md */
export const RISE_OVER_S = 2;
/** ms | a delay that is this near to the former one has returned to it | not measured */
export const RISEN_MS_MIN = 1;

// The cost of other leads (what_if.js, lead_counter.js)

/** ratio | between two neighbouring leads of the curve: finer than any choice by ear | not measured */
export const WHAT_IF_FACTOR = 1.06;
/** leads | of the curve, 4 to 1,014 ms | not measured */
export const WHAT_IF_LEADS = 96;
/** ms | an interruption sooner after another one belongs to it: the ear hears a single one | docs/design/playout.md */
export const SAME_EVENT_MS = 100;

// The speed (steering.js)

/** ms | a larger error of the lead is corrected by one step, not by the speed | docs/design/decisions/0008-the-listeners-clock.md */
export const STEP_MS = 5;
/** ratio | the largest correction: half a cent, which is not heard | docs/design/decisions/0008-the-listeners-clock.md */
export const CORRECTION_MAX = 300 * PPM;
/** ratio/s | the largest change of the speed: the promise is 30 ppm/s, and a block's share of it is rounded | docs/design/playout.md */
export const SLOPE_PER_S = 29.9 * PPM;
/** 1/s | gain: an error of 1 s would be corrected at 0.1 s/s, which brakes from 300 ppm with just the permitted slope
    | tests/web/steering.test.js */
export const GAIN_PER_S = 0.1;
/** s | below this error the gain falls in proportion: the estimate of the live edge moves by hundredths of a ms | not measured */
export const NOISE_S = 0.25e-3;

/** s | for this long the drift is being learned, and the speed may change faster | docs/design/playout.md */
export const LEARNING_S = 15;
/** ratio/s | the largest change of the speed during this time | docs/design/playout.md */
export const LEARNING_SLOPE_PER_S = 300 * PPM;
/** 1/s | the gain during this time | not measured */
export const LEARNING_GAIN_PER_S = 0.4;
/** ratio | the largest correction during this time: still less than a cent | not measured */
export const LEARNING_CORRECTION_MAX = 500 * PPM;
/** s | after this, gain and correction approach their later values: the lower limit of the slope must suffice to brake
    | tests/web/steering.test.js */
export const SETTLING_FROM_S = 12;

/** ms | added to the target at first: pages and browsers are busy when sound begins | docs/design/playout.md */
export const START_MS = 2.5;
/** s | when the page starts to remove this addition | docs/design/playout.md */
export const START_S = 6;
/** s | when the page has removed it | docs/design/playout.md */
export const START_OVER_S = 12;
/** ms | of it that remain while the drift is being learned: an unknown drift moves the lead before it is followed | not measured */
export const LEARNING_MS = 0.9;

/** s | a lead may be too long by this much before a reader with one clock gives up playing samples exactly | docs/design/playout.md */
export const EXACT_S = 0.4e-3;
/** s | by which it may be too short: the target's own margin covers this | docs/design/playout.md */
export const EXACT_NEARER_S = 0.4e-3;
/** s | a correction ends where the lead is no more than this too long: the estimate moves by 0.1 ms, and that must not start it again
    | not measured */
export const LANDING_S = 0.6e-3;
/** s | by which the lead may be too short when a correction ends | not measured */
export const LANDING_NEARER_S = 0.2e-3;
/** 1/s | gain towards the nearest whole frame: half a frame brakes with just the permitted slope | not measured */
export const LANDING_GAIN_PER_S = 1.5;
/** frames | distance from a whole frame at which the last step is inaudible: full scale at 10 kHz moves by -80 dB | not measured */
export const LANDED_FRAMES = 7e-5;
/** ratio | below this speed the reader may stop at once | not measured */
export const LANDED_SPEED = 1 * PPM;

// The reader and its timeline (playout.js, timeline.js, outrun.js, feed.js)

/** ms | required leads are observed for this long before sound is placed | docs/design/playout.md */
export const WATCH_MS = 70;
/** frames | that a step leaves beyond the need of the block, because the block's speed is chosen afterwards | not measured */
export const STEP_MARGIN_FRAMES = 4;
/** ms | an audio thread that was frozen for longer was suspended together with its page | not measured */
export const SLEEP_MS = 1000;
/** ms | frames ready this much earlier than any network could bring them show that the audio thread itself was frozen
    | docs/design/playout.md */
export const FREEZE_MS = 100;
/** ms | without any lateness mean that the live edge is later than the line | docs/design/playout.md */
export const EARLY_MS = 1000;
/** ms | a stream has fallen behind when everything has come too late for this long. No network holds frames back so long and then
    delivers them at once | docs/design/playout.md */
export const OUTRUN_WINDOW_MS = 500;
/** ms | that suffice when it happens again | docs/design/playout.md */
export const OUTRUN_AGAIN_MS = 60;
/** ms | without lateness after which the full time is required again | tests/web/outrun.test.js */
export const OUTRUN_OVER_MS = 30_000;
/** frames | by which a splice may miss the desired place: 4.5 ms, less than a step, so that the speed corrects the rest
    | docs/design/playout.md */
export const SPLICE_MISS_FRAMES = framesOf(4.5);
/** frames | of the reader's buffer: the longest block at the lowest context rate, and the filter's reach | not measured */
export const FEED_FRAMES = 16_384;

// The ring (ring.js)

/** frames | 1.365 s at the highest rate, 2.97 s at the usual one. A power of two, so that a slot is found by a mask | not measured */
export const CAPACITY_FRAMES = 131_072;
/** frames | the reader keeps from the oldest, 85 ms and more: a burst written while a block is copied must not reach them | not measured */
export const MARGIN_FRAMES = 8192;

// The control words before it (controls.js)

/** words | of all controls together | not measured */
export const CONTROL_WORDS = 512;
/** marks | of gaps kept | not measured */
export const GAP_MARKS = 16;
/** words | of a mark: first position, position after the last, cause | given: web/core/playout/ring.js */
export const GAP_WORDS = 3;
/** word | of the first mark | given: web/core/playout/controls.js */
export const GAPS_AT = 64;
/** glitches | kept until the page looks, which it does ten times a second | not measured */
export const EVENTS = 16;
/** words | of a glitch: context frame at which sound was back, frames missing | given: web/core/playout/gauges.js */
export const EVENT_WORDS = 2;
/** steps | that represent a peak of full scale | not measured */
export const PEAK_ONE = 1 << 23;
/** steps | that represent a whole frame, where a position has a fraction | not measured */
export const FRACTION_ONE = 2 ** 31;
/** steps | that represent a ratio of 1: one step is 0.0005 ppm | not measured */
export const DRIFT_ONE = 2 ** 31;
/** steps | that represent an interruption | not measured */
export const HEARD_ONE = 1000;
/** steps | that represent a frame of lead | not measured */
export const LEAD_ONE = 256;

// The port to the ring of another thread (port_sink.js)

/** frames | gathered before a block is sent: 8.7 ms, 115 messages a second. Waking a thread costs more than copying | docs/develop/engines.md */
export const BATCH_FRAMES = 384;
/** frames | in a block: one incomplete batch, and the longest record in addition | not measured */
export const BLOCK_FRAMES = 2560;
/** words | before a block's frames: kind, position, frames, cause | given: web/core/playout/port_sink.js */
export const BLOCK_HEAD_WORDS = 4;
/** blocks | in circulation. If all are in transit the audio thread is frozen, and frames are dropped | tests/web/port.test.js */
export const POOL_BLOCKS = 32;
