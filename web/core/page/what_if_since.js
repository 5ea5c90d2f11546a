/**
 * The what-if counts since the listener reset them: the audio thread's own counts only grow.
 *
 * In: its counts now, and at the reset. Out: the difference. No clock is read here.
 */

/** @typedef {ReturnType<typeof import('../playout/controls.js').readWhatIf>} Counted */

/** @param {Counted} now @param {Counted | null} before null if there was no reset @returns {Counted} */
export function whatIfSince(now, before) {
  // Fewer seconds than before: the audio thread began anew, with a stream of another rate.
  if (!before || now.observed_s < before.observed_s) return now;
  const leads = now.leads.map(({ target_ms: targetMs, events, late_ms: lateMs }, at) => ({
    target_ms: targetMs, events: events - (before.leads[at]?.events ?? 0), late_ms: lateMs - (before.leads[at]?.late_ms ?? 0),
  }));
  return { observed_s: now.observed_s - before.observed_s, leads };
}
