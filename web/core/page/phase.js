/**
 * The player's state: turns many inputs into one state and at most one problem.
 *
 * In: inputs. Out: names. One function decides, and nothing is remembered.
 */

import { BUFFERING_MS, FROZEN_MS, START_GRACE_MS } from './constants.js';
import { PLAYOUT } from '../playout/controls.js';

/** @typedef {'idle' | 'connecting' | 'buffering' | 'playing' | 'waiting' | 'reconnecting' | 'blocked' | 'failed'} State */

/**
 * @typedef {object} PhaseInputs
 * @property {boolean} started
 * @property {{problem: import('../net/messages.js').Problem, detail: string} | null} failure
 * @property {number} started_ago_ms
 * @property {string} context_state 'suspended', 'running', 'closed' or 'interrupted'
 * @property {number} context_still_ms how long its time has stood still
 * @property {import('../net/messages.js').WorkerStatus | null} worker
 * @property {number} playout_state one of PLAYOUT
 * @property {number} silent_ms how long the playout has been silent; Infinity before the first sound
 * @property {string | null} refusal why the service refused a recent request
 */

/**
 * @param {PhaseInputs} inputs
 * @returns {{state: State, problem: import('../net/messages.js').Problem | null, detail: string | null}}
 */
export function phase(inputs) {
  const { worker } = inputs;
  if (inputs.failure) return { state: 'failed', problem: inputs.failure.problem, detail: inputs.failure.detail };
  if (!inputs.started) return say('idle');
  if (worker?.connection === 'failed') return { state: 'failed', problem: worker.problem, detail: worker.problem_detail };
  if (isBlocked(inputs)) return { state: 'blocked', problem: 'audio_blocked', detail: null };
  if (!worker?.greeted) return unconnected(worker);
  const note = inputs.refusal === null ? say('playing') : { problem: /** @type {const} */ ('refused'), detail: inputs.refusal };
  return { ...note, state: soundState(inputs, worker) };
}

/** @param {PhaseInputs} inputs @returns {boolean} */
function isBlocked(inputs) {
  if (inputs.context_state === 'interrupted') return true;
  if (inputs.started_ago_ms < START_GRACE_MS) return false;
  return inputs.context_state !== 'running' || inputs.context_still_ms > FROZEN_MS;
}

/** @param {import('../net/messages.js').WorkerStatus | null} worker @returns {ReturnType<typeof phase>} */
function unconnected(worker) {
  if (!worker || (!worker.ever_greeted && worker.problem === null)) return say('connecting');
  return { state: 'reconnecting', problem: worker.problem, detail: worker.problem_detail || null };
}

/** @param {PhaseInputs} inputs @param {import('../net/messages.js').WorkerStatus} worker @returns {State} */
function soundState(inputs, worker) {
  if (inputs.playout_state === PLAYOUT.SOUNDING || inputs.silent_ms < BUFFERING_MS) return 'playing';
  const { source } = worker;
  return source !== null && (source.state !== 'playing' || source.kind === 'none') ? 'waiting' : 'buffering';
}

/** @param {State} state @returns {{state: State, problem: null, detail: null}} */
function say(state) {
  return { state, problem: null, detail: null };
}
