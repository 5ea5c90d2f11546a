/**
 * The wire on the page: synth, this page, loudspeaker, and the place where the path between them is broken.
 *
 * In: a snapshot. Out: the state of both halves. Pure.
 */

/** @typedef {'rest' | 'live' | 'cut'} Half rest: not requested yet; live: sound passes; cut: the sound ends here */

/** @param {import('./words.js').Snapshot} snapshot @returns {{synth: Half, speaker: Half}} */
export function signalPath({ state, problem, source }) {
  const sounding = source !== null && source.kind !== 'none' && source.state === 'playing';
  switch (state) {
    case 'playing': return sounding || !source ? { synth: 'live', speaker: 'live' } : { synth: 'cut', speaker: 'rest' };
    case 'waiting': return { synth: sounding ? 'rest' : 'cut', speaker: 'rest' };
    case 'buffering': return { synth: sounding ? 'live' : 'rest', speaker: 'rest' };
    case 'reconnecting': return { synth: 'cut', speaker: 'rest' };
    case 'blocked': return { synth: sounding ? 'live' : 'rest', speaker: 'cut' };
    case 'failed': return breaksAtSpeaker(problem) ? { synth: 'rest', speaker: 'cut' } : { synth: 'cut', speaker: 'rest' };
    default: return { synth: 'rest', speaker: 'rest' };
  }
}

/** @param {string | null} problem @returns {boolean} whether the fault lies in this browser, not in the service */
function breaksAtSpeaker(problem) {
  return problem === 'insecure_context' || problem === 'no_worklet' || problem === 'audio_blocked' || problem === 'internal';
}
