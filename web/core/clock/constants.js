/**
 * Constants of the clocks. How to read a row: core/constants.js.
 */

// Another clock, by questions and answers (peer_clock.js)

/** answers | kept; the fastest of these is used | tests/web/clocks.test.js */
export const PEER_ANSWERS = 16;
/** ms/ms | how fast an old answer loses certainty: two crystals may differ by 100 ppm | docs/design/clocks.md */
export const AGE_MS_PER_MS = 1e-4;
/** ms | browsers round their clocks to 1 ms at worst, at both ends: a difference this small is no contradiction | tests/web/clocks.test.js */
export const COARSE_MS = 2;
/** ms | a message that took longer shows that one side was stopped or its clock was set | tests/web/clocks.test.js */
export const UNDER_WAY_MS_MAX = 1000;
/** questions | asked in quick succession at the start, to know the clock soon | tests/web/clocks.test.js */
export const BURST = 8;
/** ms | between two questions of the first burst | tests/web/clocks.test.js */
export const BURST_EVERY_MS = 40;
/** ms | between later questions | tests/web/clocks.test.js */
export const QUESTION_EVERY_MS = 1000;

// The lower envelope of arrivals or blocks (envelope_line.js)

/** ms | of each second only the least late observation counts: which hides the delays of a bad Wi-Fi | tests/web/envelope_line.test.js */
export const LINE_BUCKET_MS = 1000;
/** buckets | that the line goes through, the last ninety seconds: 2 ppm where raw arrivals swing by thousands
    | docs/design/clocks.md */
export const LINE_BUCKETS = 90;
/** ms | the first bucket may be longer or shorter by this, as the others begin with whole seconds of Worker time | not measured */
export const FIRST_OFF_MS = 500;
/** fits | of the line: one through all points, then two through those at or below the median | not measured */
export const LOWER_HALF_FITS = 3;
/** points | a fit to fewer uses all of them instead of the lower half | not measured */
export const LOWER_HALF_POINTS_MIN = 4;
/** ppm, one sigma | expected difference between two unknown clocks | not measured */
export const PRIOR_SIGMA_PPM = 150;
/** ppm, one sigma | expected error of a remembered difference | docs/design/clocks.md */
export const REMEMBERED_SIGMA_PPM = 4;
/** ppm | the largest drift followed; sound devices are specified to 100 ppm or better | not measured */
export const DRIFT_PPM_MAX = 1000;
/** ms | scatter that timers and wake-ups leave in the envelope of a perfect network | not measured */
export const NOISE_MS_MIN = 0.02;
/** ms | scatter that is assumed until enough seconds were observed | not measured */
export const FIRST_NOISE_MS = 0.05;
/** ms | a change of the least delay larger than this may be a shift | not measured */
export const LINE_SHIFT_MS = 1.2;
/** sigmas | a shift must also exceed the scatter by this factor | not measured */
export const LINE_SHIFT_SIGMAS = 4;
/** ms | for this long no shift is accepted, because the drift is still being learned | not measured */
export const SHIFTS_AFTER_MS = 5000;
/** ppm | the largest uncertainty of the drift that counts in the tolerance for shifts | not measured */
export const DOUBT_SIGMA_PPM = 60;
/** buckets | in a row that are later than the line make a shift. Lateness can be chance, so three must agree
    | docs/design/playout.md */
export const RISE_BUCKETS = 3;
/** buckets | in a row that are earlier than the line make a shift. Nothing is early by chance, so two suffice
    | docs/design/playout.md */
export const FALL_BUCKETS = 2;
/** ms | if all observations are this far above the line, the audio thread may have been frozen | not measured */
export const LINE_FREEZE_MS = 20;
/** ms | for which they must be above the line | tests/web/freeze.test.js */
export const LINE_FREEZE_FOR_MS = 120;
/** observations | of which there must be at least this many | not measured */
export const LINE_FREEZE_SEEN_MIN = 8;
/** ms | a drift observed for this long is kept when the line starts again | not measured */
export const DRIFT_KNOWN_MS = 5000;

// Two lines compared by the seconds they share (common_seconds.js)

/** seconds | needed for a comparison. Before that the two lines are used, which do not see small steps | tests/web/drift.test.js */
export const COMMON_SECONDS_MIN = 8;
/** seconds | needed to look for a step: fewer are as well explained by a drift | tests/web/drift.test.js */
export const STEP_POINTS_MIN = 6;
/** ms | a smaller step is not looked for: it bends ninety seconds by 2.5 ppm at most | given: 1.5 x step / length */
export const STEP_MS_MIN = 0.15;
/** ratio | a jump between neighbours that exceeds the usual one by this is a step | docs/design/clocks.md */
export const JUMP_RATIO = 10;
/** sigmas | a step must exceed what chance leaves by this factor; a wrong one costs certainty only | docs/design/clocks.md */
export const STEP_SIGMAS = 5;
/** ratio | spread of the lower half of a normal distribution to that of the whole | given: the half-normal distribution, sqrt(1 - 2 / pi) */
export const LOWER_HALF_SPREAD = 0.6;
/** ratio | real error to that which the scatter explains: without it, 95 % of the errors were within 2.1 to 2.9 sigmas; 2 are promised
    | docs/design/clocks.md */
export const HONEST_SIGMAS = 1.45;
/** correlation | between consecutive seconds, at most; a higher one would leave no certainty at all | not measured */
export const ALIKE_MAX = 0.9;

// The live edge (live_edge.js)

/** ms | minimum time between two looks at the audio thread's block, which come at random moments | docs/design/clocks.md */
export const LOOK_MS_LEAST = 4;
/** ms | maximum time between two looks; a regular rhythm would always see the same phase | docs/design/clocks.md */
export const LOOK_MS_MOST = 24;
/** ms | records must have arrived for this long before sound is placed: their minimum delay is taken for the network's
    | not measured */
export const ACQUISITION_MS = 120;
/** blocks | must have been rendered by then | not measured */
export const BLOCKS_MIN = 12;
/** sigmas | a smaller drift cannot be told from none: both ends then count as one clock, and samples stay exact | docs/design/clocks.md */
export const SURE_SIGMAS = 5;
/** sigmas | below this a certain drift becomes uncertain again | not measured */
export const UNSURE_SIGMAS = 2;
/** ppm | a drift this small has time to prove itself: in 20 s it moves the reader by 0.4 ms, which an exact reader tolerates
    | docs/design/clocks.md */
export const SMALL_PPM = 20;
/** sigmas | needed for a small drift to become certain | docs/design/clocks.md */
export const SURE_SIGMAS_SMALL = 8;
/** sigmas | below this a certain small drift becomes uncertain again | not measured */
export const UNSURE_SIGMAS_SMALL = 4;
/** ms | a small drift must be certain for this long | docs/design/clocks.md */
export const SURE_FOR_MS = 10_000;

// When a frame was captured (capture_map.js)

/** s | time constant of the filter: a drift of 300 ppm leaves an error of 0.06 ms | not measured */
export const CAPTURE_FILTER_S = 0.2;
/** ns | a stamp further off is no jitter: the timeline has moved, and the map follows at once | not measured */
export const CAPTURE_STEP_NS = 20e6;

// The moment that is at the ear (output_clock.js)

/** readings | two seconds, at ten readings a second: Chromium's stamps jitter by milliseconds | docs/design/clocks.md */
export const READINGS = 20;
/** readings | needed for a useful median | not measured */
export const READINGS_MIN = 3;
/** reading | used as the lowest of the sorted ones: one made while the machine was frozen must not count for two seconds | not measured */
export const LOW_READING = 2;
/** ms | maximum age of an honest stamp | docs/design/clocks.md */
export const STAMP_AGE_MS_MAX = 500;
/** ms | maximum distance of an honest stamp into the future: WebKit's run ahead by the context's own time | not measured */
export const STAMP_AHEAD_MS_MAX = 5;
/** ms | maximum distance of an honest stamp behind rendering | not measured */
export const LAG_MS_MAX = 1000;
/** ms | minimum distance of an honest stamp behind rendering, because there must be something between rendering and the ear
    | not measured */
export const LAG_MS_MIN = 1;
/** ms | a larger change means another device, or a machine that slept | not measured */
export const OUTPUT_STEP_MS = 50;
