/**
 * Constants of resampling, splices and concealment. How to read a row: core/constants.js.
 *
 * Lengths here follow the waveform, not the clock: they have the same number of frames at every rate. Decibels are below
 * full scale.
 */

import { framesOf } from '../units.js';

// Crossfades (fades.js)

/** law | of a crossfade between equal sounds (the sum is even); law 0 is for unrelated ones (the power is even) | not measured */
export const LAW_SAME = 8;

// The resampler (resampler.js)

/** ratio | Kaiser's beta: a lower value leaves more of the images up to 12 kHz, a higher value more of those from 17 to 18 kHz
    | docs/design/decisions/0007-resampler.md */
export const RESAMPLER_BETA = 9.7;
/** zero crossings | of the sinc on either side, 34 taps: the fewest that keep every sine up to 12 kHz 100 dB above its images, and up to
    18 kHz 95 dB. 16 miss both by 2 dB, which a test at round frequencies alone does not show | docs/design/decisions/0007-resampler.md */
export const CROSSINGS = 17;
/** rows | of the table, interpolated linearly: with 128 rows the interpolation limits the precision (94 dB at 17 kHz), with 256 the taps do. 35 kB
    | docs/design/decisions/0007-resampler.md */
export const PHASES = 256;

// Splices (splice.js, feed.js)

/** frames | overlap of a splice, and the fade-in: 10 ms. Shorter splices of low notes are heard as a tick | docs/design/concealment.md */
export const OVERLAP_FRAMES = framesOf(10);
/** frames | searched on either side of the desired place: 12 ms, more than a period of the lowest note of a bass | docs/design/concealment.md */
export const SEARCH_REACH_FRAMES = framesOf(12);
/** factor | the coarse search runs at 11 kHz: fundamentals decide where sounds fit | docs/design/concealment.md */
export const COARSE_DECIMATION = 4;
/** places | that the fine search examines: a peak may lie between two coarse frames, so the best place may be only the second or third
    | docs/design/concealment.md */
export const FINE_CANDIDATES = 3;
/** correlation | subtracted at the farthest offset, so that the nearest of equal places wins | not measured */
export const FAR_PENALTY = 0.01;
/** amplitude | below -66 dB counts as silence | tests/web/splice.test.js */
export const SILENCE_LEVEL = 10 ** (-66 / 20);
/** frames | for which it must be silent: 30 ms | tests/web/splice.test.js */
export const SILENCE_FRAMES = framesOf(30);

// Two bands (bands.js)

/** factor | by which the low band's rate is lower; the band ends at 2.5 kHz: 128 coefficients then see 23 ms. 4, 6, 12 and 16 gain nothing | docs/design/concealment.md */
export const LOW_DECIMATION = 8;
/** frames | the low-pass sees on either side: a shorter filter lets partials through twice, a longer one hides the newest frames | docs/design/concealment.md */
export const LOW_PASS_REACH_FRAMES = 32;
/** share | of half the low rate: the low-pass cuts at 2480 Hz. Aliases are in both bands, and cancel | not measured */
export const LOW_PASS_SHARE = 0.9;
/** ratio | Kaiser's beta of the low-pass | not measured */
export const LOW_PASS_BETA = 6;
/** frames | of the past always kept: 93 ms, a window of the low band and its filter | not measured */
export const PAST_FRAMES = 4096;

// Models (models.js, burg.js)

/** coefficients | of the model of the newest frames | docs/design/concealment.md */
export const EDGE_ORDER = 32;
/** coefficients | of the model of the low band: 96 are 0.2 to 0.9 dB worse | docs/design/concealment.md */
export const LOW_ORDER = 128;
/** coefficients | of the model above the low band | docs/design/concealment.md */
export const HIGH_ORDER = 64;
/** frames | the model of the newest frames is made from: 12 ms | not measured */
export const EDGE_WINDOW = 512;
/** low samples | the model of the low band is made from: 46 ms. 35 ms and 58 ms are up to 1.1 dB worse | docs/design/concealment.md */
export const LOW_WINDOW = 256;
/** frames | the model above the low band is made from: 12 ms | not measured */
export const HIGH_WINDOW = 512;
/** products | of work for each frame: 30 us for a block of 128 on a machine of 2020, a new model of the low band every 16 ms
    | docs/design/concealment.md */
export const WORK_PER_FRAME = 940;
/** models | the order in which they are made: low, edge, low, high. So new sound reaches the model of the low band first | not measured */
export const TURNS = 4;
/** coefficient | without a model, the level is held and decays | not measured */
export const HOLD = -0.96;
/** lags | whose sums are gathered in one pass over the window: as many as the registers hold | not measured */
export const LAGS_AT_ONCE = 4;
/** products | that one coefficient costs in one order of the recursion | docs/design/concealment.md */
export const WORK_PER_COEFFICIENT = 36;
/** power | -120 dB a sample: below it there is nothing to model | not measured */
export const POWER_LEAST = 1e-12;
/** share | added to the energy, like white noise 90 dB below the sound: otherwise rounding would decide how a pure tone is modelled
    | not measured */
export const NOISE_SHARE = 1e-9;

// The guess (guess.js)

/** frames | after which a guess is worthless: 20 ms | docs/design/concealment.md */
export const GUESS_FRAMES = framesOf(20);
/** low samples | the newest 3.6 ms, on which a model is tried before it is trusted | docs/design/concealment.md */
export const TRIAL = 20;
/** factor | of the newest peak that a guess never exceeds | docs/design/concealment.md */
export const PEAK_MARGIN = 1.2;
/** frames | that are searched for the newest peak and the largest step: 23 ms | docs/design/concealment.md */
export const PEAK_FRAMES = 1024;
/** amplitude | below -240 dB there is nothing to continue | not measured */
export const LEVEL_LEAST = 1e-12;
/** amplitude | below -300 dB becomes zero, before denormal numbers slow the processor down | not measured */
export const SMALLEST = 1e-15;

// Concealment (concealment.js)

/** frames | for which a guess keeps its full level: 5 ms | docs/design/concealment.md */
export const FULL_LEVEL_FRAMES = framesOf(5);
/** frames | of the crossfade from the guess back to sound: 6 ms | docs/design/concealment.md */
export const RE_ENTRY_FRAMES = framesOf(6);
/** share | of the energy: a model with a smaller error on trial is fully trusted | docs/design/concealment.md */
export const ERROR_TRUSTED = 0.2;
/** share | of the energy: a model with a larger error is not trusted at all. A wrong guess is worse than none | docs/design/concealment.md */
export const ERROR_DISTRUSTED = 0.8;
/** energy | a low band below -120 dB proves nothing | not measured */
export const ENERGY_LEAST = 1e-12;
/** frames | after which a guess that is not trusted is over: 1 ms | docs/design/concealment.md */
export const DISTRUSTED_FRAMES = framesOf(1);
/** coefficients | of the small model that is made on the spot when the present one fails: 7 us on a machine of 2020
    | docs/design/concealment.md */
export const FRESH_ORDER = 32;
/** low samples | from which that small model is made: the newest 17 ms | docs/design/concealment.md */
export const FRESH_WINDOW = 96;
/** share | the least trust in that small model, because it was made from the newest frames | not measured */
export const FRESH_TRUST = 0.2;
/** rounds | of rehearsal, after which the first gap is as fast as the hundredth: 60 ms on a machine of 2020 | docs/design/concealment.md */
export const REHEARSAL_ROUNDS = 60;
/** frames | of a round: a block | not measured */
export const REHEARSAL_FRAMES = 128;

// How audible it is (audibility.js, hearing.js)

/** frames | of sound that is wholly wrong count as one interruption: 20 ms, a mean opinion of 4.1 | docs/design/audibility.md */
export const AUDIBLE_FRAMES = framesOf(20);
/** power | of an interruption's length by which it is heard: a short error is masked | docs/design/audibility.md */
export const AUDIBLE_POWER = 1.5;
/** steps | that represent the whole energy of a sound | not measured */
export const SHARE_ONE = 256;
/** frames | of silence count as one more interruption: half a second | docs/design/playout.md */
export const LONG_FRAMES = framesOf(500);
/** interruptions | from here on one is heard for certain: 8 ms that are wholly wrong | docs/design/audibility.md */
export const AUDIBLE = 0.25;
/** frames | in a row that are counted, 10 s: beyond, every frame costs the same | not measured */
export const ROW_FRAMES_MAX = framesOf(10_000);
/** frames | over which the usual share is averaged: 10 s | not measured */
export const USUAL_FRAMES = framesOf(10_000);
/** dB | below the sound of the last seconds: an interruption there costs nothing | docs/design/audibility.md */
export const QUIET_DB = 40;
/** frames | over which the present level is averaged: 50 ms | not measured */
export const LEVEL_FRAMES = framesOf(50);
/** frames | over which the level falls that it is compared with: 5 s | not measured */
export const LOUD_FRAMES = framesOf(5000);
/** models | over which the share that predictions get wrong is averaged: 100 ms | docs/design/audibility.md */
export const SHARE_MODELS = 4;
