/**
 * What the listener is in the midst of: many facts to one state and at most one problem.
 *
 * In: facts. Out: the state's name. One function decides; nothing is remembered here.
 */

import { BUFFERING_MS, FROZEN_MS, START_GRACE_MS } from './constants.js';
import { PLAYOUT } from '../playout/controls.js';

/** @typedef {'idle' | 'connecting' | 'buffering' | 'playing' | 'waiting' | 'reconnecting' | 'blocked' | 'failed'} State */

/**
 * @typedef {object} Facts
 * @property {boolean} started
 * @property {{problem: import('../net/messages.js').Problem, detail: string} | null} failure
 * @property {number} started_ago_ms
 * @property {string} context_state 'suspended', 'running', 'closed' or 'interrupted'
 * @property {number} context_still_ms how long its time has not moved
 * @property {import('../net/messages.js').WorkerStatus | null} worker
 * @property {number} playout_state of PLAYOUT
 * @property {number} silent_ms how long the playout has not been sounding; Infinity before the first sound
 * @property {string | null} wish_refused why the service refused a wish of late
 */

/**
 * @param {Facts} facts
 * @returns {{state: State, problem: import('../net/messages.js').Problem | null, detail: string | null}}
 */
export function phase(facts) {
  const { worker } = facts;
  if (facts.failure) return { state: 'failed', problem: facts.failure.problem, detail: facts.failure.detail };
  if (!facts.started) return say('idle');
  if (worker?.connection === 'failed') return { state: 'failed', problem: worker.problem, detail: worker.problem_detail };
  if (isBlocked(facts)) return { state: 'blocked', problem: 'audio_blocked', detail: null };
  if (!worker?.greeted) return unconnected(worker);
  const note = facts.wish_refused === null ? say('playing') : { problem: /** @type {const} */ ('refused'), detail: facts.wish_refused };
  return { ...note, state: soundState(facts, worker) };
}

/** @param {Facts} facts @returns {boolean} */
function isBlocked(facts) {
  if (facts.context_state === 'interrupted') return true;
  if (facts.started_ago_ms < START_GRACE_MS) return false;
  return facts.context_state !== 'running' || facts.context_still_ms > FROZEN_MS;
}

/** @param {import('../net/messages.js').WorkerStatus | null} worker @returns {ReturnType<typeof phase>} */
function unconnected(worker) {
  if (!worker || (!worker.ever_greeted && worker.problem === null)) return say('connecting');
  return { state: 'reconnecting', problem: worker.problem, detail: worker.problem_detail || null };
}

/** @param {Facts} facts @param {import('../net/messages.js').WorkerStatus} worker @returns {State} */
function soundState(facts, worker) {
  if (facts.playout_state === PLAYOUT.SOUNDING || facts.silent_ms < BUFFERING_MS) return 'playing';
  const { source } = worker;
  return source !== null && (source.state !== 'playing' || source.kind === 'none') ? 'waiting' : 'buffering';
}

/** @param {State} state @returns {{state: State, problem: null, detail: null}} */
function say(state) {
  return { state, problem: null, detail: null };
}
