/**
 * The player in words: its state, the problem, and what to do.
 *
 * In: a snapshot of the player. Out: strings, and small objects made of strings.
 * Belongs here: wording, rounding, singular and plural. Does not: elements, time, decisions about playout.
 * Pure: no globals, no clock, no locale (a number looks the same on every device and in every test).
 */

import { faultWords } from './fault_words.js';
import { isKnown, milliseconds } from './figures.js';
import { glitchTotal, glitchWords } from './glitches.js';

/**
 * The part of `Player.snapshot()` that the page reads. Keys are only ever added there, so nothing here requires all of them.
 *
 * @typedef {object} Source
 * @property {string} kind 'synth', 'demo', 'test' or 'none'
 * @property {string} state 'playing', 'waiting', 'lost', 'stalled' or 'ended'
 * @property {string} name its name for people, '' when unknown
 * @property {number} channels 0 when unknown
 * @property {number} [rate_hz] frames per second it delivers, 0 when unknown
 * @property {number} first_channel first channel of the selected pair, counted from 1
 * @property {string} notice one sentence from the service, '' when all is well
 *
 * @typedef {object} Snapshot
 * @property {string} state
 * @property {string | null} problem
 * @property {string | null} problem_detail
 * @property {Source | null} source
 * @property {ArrayLike<number> | null} peaks left and right, linear, since the last snapshot
 * @property {number} volume 0 to 1
 * @property {number | null} delay_ms
 * @property {number | null} [delay_estimated_ms] the part of it that the browser does not tell, and that is estimated
 * @property {number | null} [delay_error_ms] by how much that may be off
 * @property {number | null} [refused_delay_ms] an impossible one, below 0
 * @property {number | null} output_latency_ms
 * @property {number | null} level_ms
 * @property {number | null} target_ms
 * @property {Readonly<Record<string, number>>} glitches count by cause
 * @property {string | null} transport 'sab' or 'port'
 * @property {number | null} context_rate
 * @property {number | null} seq
 * @property {number | null} [network_delay_ms]
 * @property {number | null} [jitter_ms] of the network
 * @property {number | null} [chunk_frames] per message, as the service gives it
 * @property {string | null} [chunk_why] the reason for that number
 * @property {number | null} [required_lead_ms] worst of the last 20 s
 * @property {number | null} [drift_ppm] between the synth's clock and this device's
 * @property {number | null} [rate_ppm] how much faster than its own rate the stream is played
 * @property {number | null} [splices]
 * @property {number | null} [concealed_ms]
 * @property {readonly import('./what_if_curve.js').WhatIf[] | null} [what_if]
 * @property {number | null} [what_if_observed_s]
 * @property {readonly import('./ledger_rows.js').Entry[] | null} [ledger] oldest first
 * @property {number | null} [counted_since_ms] since 1970
 *
 * @typedef {object} Notice
 * @property {'fault' | 'note'} tone a fault needs action; a note explains a silence
 * @property {string} title the problem
 * @property {string} remedy what to do about it, '' if nothing
 * @property {string} detail the exact technical message, '' if there is none
 * @property {boolean} reload whether reloading the page is the remedy
 */

const PRODUCT = 'Synthwire';

/** The address or the browser is the cause, so another attempt ends the same way. */
const HOPELESS = new Set(['insecure_context', 'no_worklet']);

/** @type {ReadonlyMap<string, Omit<Notice, 'detail'>>} */
const PROBLEM_WORDS = new Map([
  ['no_worklet', {
    tone: 'fault',
    title: 'This browser is too old for live sound',
    remedy: 'Update it, or use another one: Chrome or Edge 92, Firefox 114, Safari 15.4, or anything newer.',
    reload: false,
  }],
  ['server_unreachable', {
    tone: 'fault',
    title: 'Synthwire does not answer',
    remedy: 'Check that its machine is switched on and that this device is on the same network.',
    reload: false,
  }],
  ['server_too_new', {
    tone: 'fault',
    title: 'Synthwire was updated while this page was open',
    remedy: 'Reload the page to get the version that fits.',
    reload: true,
  }],
  ['server_too_old', {
    tone: 'fault',
    title: 'This page is newer than Synthwire itself',
    remedy: 'Reload the page. If this stays, restart Synthwire on its machine.',
    reload: true,
  }],
  ['refused', {
    tone: 'note',
    title: 'Synthwire refused that',
    remedy: 'Everything else goes on as before.',
    reload: false,
  }],
  ['audio_blocked', {
    tone: 'fault',
    title: 'The browser is holding the sound back',
    remedy: 'Tap the round button. If it stays silent, look for a muted tab or another app that uses the sound.',
    reload: false,
  }],
  ['internal', {
    tone: 'fault',
    title: 'Something in this page broke',
    remedy: 'Reload it. If this comes back, please report the words below.',
    reload: true,
  }],
]);

/** Outages that are the service's own, by the name of the detail. @type {ReadonlyMap<string, {title: string, remedy: string}>} */
const SERVICE_AWAY = new Map([
  ['service_stopped', {
    title: 'Synthwire has stopped',
    remedy: 'Perhaps it is being restarted or updated. The sound returns when it answers.',
  }],
  ['service_ended', {
    title: 'No connection to Synthwire',
    remedy: 'Synthwire itself has probably stopped. Check that its machine is switched on. The sound returns when it answers.',
  }],
]);

/** @param {Source | null} source @returns {string} */
export function instrumentName(source) {
  if (!source) return 'Live synth';
  if (source.name) return source.name;
  if (source.kind === 'demo') return 'Demo instrument';
  if (source.kind === 'test') return 'Test signal';
  return source.kind === 'synth' ? 'The synth' : 'Live synth';
}

/** @param {Source | null} source @returns {string} '' for a real instrument */
export function instrumentBadge(source) {
  if (source?.kind === 'demo') return 'Demo';
  return source?.kind === 'test' ? 'Test signal' : '';
}

/** @param {Source | null} source @returns {string} one quiet sentence under the status line, '' for a real instrument */
export function instrumentHint(source) {
  if (source?.kind === 'demo') return 'This is the demo. Connect your synth by USB and it takes over.';
  return source?.kind === 'test' ? 'Known sounds for measuring, not an instrument.' : '';
}

/**
 * @param {{state: string, problem?: string | null}} snapshot
 * @returns {{label: string, starts: boolean, useful: boolean}} `starts`: whether the next press starts (otherwise it stops);
 *   `useful` is false if no press helps
 */
export function buttonWords({ state, problem }) {
  if (problem && HOPELESS.has(problem)) return { label: 'Listen', starts: true, useful: false };
  if (state === 'idle') return { label: 'Listen', starts: true, useful: true };
  if (state === 'failed') return { label: 'Try again', starts: true, useful: true };
  return state === 'blocked' ? { label: 'Tap to hear', starts: true, useful: true } : { label: 'Stop', starts: false, useful: true };
}

/** @param {Snapshot} snapshot @returns {string} the status line */
export function statusLine(snapshot) {
  const { state, source } = snapshot;
  if (state !== 'playing' || silent(source)) return statusWords(snapshot);
  const parts = [statusWords(snapshot)];
  if (isKnown(snapshot.delay_ms)) parts.push(`${isKnown(snapshot.delay_estimated_ms) ? 'about ' : ''}${milliseconds(snapshot.delay_ms)} delay`);
  parts.push(glitchWords(glitchTotal(snapshot.glitches)));
  return parts.join(' · ');
}

/**
 * @param {string} sentence of statusLine
 * @returns {string[]} parts between which a narrow screen may break it, but not inside "41 ms"
 */
export function clauses(sentence) {
  return sentence.split(/(?<=[·,]) /);
}

/** @param {Snapshot} snapshot @returns {string} the state without numbers, which a screen reader announces when it changes */
export function statusWords({ state, source, problem, problem_detail: detail }) {
  switch (state) {
    case 'idle': return 'Press Listen to hear the synth live.';
    case 'connecting': return 'Connecting…';
    case 'reconnecting': return SERVICE_AWAY.has(detail ?? '') ? 'Waiting for Synthwire…' : 'No connection, trying again…';
    case 'blocked': return 'Sound is blocked';
    case 'failed': return problem === 'server_unreachable' ? 'Not connected' : 'Not playing';
    default:
  }
  const mute = silent(source);
  if (mute) return waitingWords(mute);
  if (state === 'buffering') return 'Starting…';
  if (state === 'playing') return source?.kind === 'demo' ? 'Playing the demo' : 'Playing';
  return 'Waiting for sound…';
}

/** @param {Snapshot} snapshot @returns {string} for the tab */
export function pageTitle(snapshot) {
  const { state, source } = snapshot;
  if (state === 'idle') return PRODUCT;
  if (state === 'playing' && !silent(source)) return `Playing ${instrumentName(source)} · ${PRODUCT}`;
  return `${statusWords(snapshot).replace('…', '')} · ${PRODUCT}`;
}

/**
 * The problem, and what to do. A problem of the player ranks before one of the instrument.
 *
 * @param {Snapshot} snapshot
 * @param {{hostname: string, port: string}} place the page's own address
 * @returns {Notice | null}
 */
export function notice(snapshot, place) {
  if (snapshot.problem) return problemNotice(snapshot.problem, snapshot.problem_detail ?? '', snapshot.state, place);
  const awake = ['playing', 'waiting', 'buffering'].includes(snapshot.state);
  return awake && snapshot.source ? sourceNotice(snapshot.source) : null;
}

/**
 * @param {string} problem @param {string} named its detail, a name of ours or words of others @param {string} state
 * @param {{hostname: string, port: string}} place @returns {Notice}
 */
function problemNotice(problem, named, state, place) {
  if (problem === 'insecure_context') return insecureNotice(place);
  const away = state === 'reconnecting' ? SERVICE_AWAY.get(named) : undefined;
  const detail = faultWords(named);
  if (away) return { tone: 'fault', ...away, detail, reload: false };
  const known = PROBLEM_WORDS.get(problem);
  if (!known) return { tone: 'fault', title: 'Something is wrong', remedy: 'Reload the page.', detail: detail || problem, reload: true };
  if (problem === 'server_unreachable' && state === 'reconnecting') {
    return { ...known, title: 'No connection to Synthwire', remedy: `${known.remedy} The sound returns when it answers.`, detail };
  }
  if (problem === 'refused' && state === 'reconnecting') {
    return { ...known, tone: 'fault', title: 'Synthwire takes no connection from here now', remedy: 'The page keeps trying.', detail };
  }
  return { ...known, detail };
}

/** @param {{hostname: string, port: string}} place @returns {Notice} */
function insecureNotice({ hostname, port }) {
  const onPort = port ? `:${port}` : '';
  return {
    tone: 'fault',
    title: 'This address cannot play live sound',
    remedy: 'Browsers allow it on secure pages only, and this one came over plain http. Use its https:// address, '
      + `or open http://localhost${onPort} on the machine that runs Synthwire.`,
    detail: `From a laptop, a tunnel does it too: ssh -N -L ${port || '8080'}:localhost:${port || '80'} ${hostname}, `
      + `then open http://localhost:${port || '8080'}`,
    reload: false,
  };
}

/** @param {Source} source @returns {Notice | null} */
function sourceNotice(source) {
  const remedy = {
    waiting: 'Connect it by USB to the machine that runs Synthwire and switch it on. The sound then starts.',
    lost: 'It was unplugged or switched off. Plug it in again, and the sound returns.',
    stalled: 'Is it switched on? If so, unplug its USB cable and plug it in again.',
    ended: 'Start Synthwire again to hear it again.',
  };
  if (source.state === 'playing' && source.kind !== 'none') {
    return source.notice ? { tone: 'note', title: source.notice, remedy: '', detail: '', reload: false } : null;
  }
  return {
    tone: 'note',
    title: silenceWords(source),
    remedy: hasEnded(source) ? remedy.ended : source.state === 'lost' || source.state === 'stalled' ? remedy[source.state] : remedy.waiting,
    detail: source.notice,
    reload: false,
  };
}

/** @param {number} channels @param {number} firstChannel @returns {{first: number, words: string}[]} pairs to choose from */
export function pairChoices(channels, firstChannel) {
  const firsts = new Set(channels > 2 ? [firstChannel] : []);
  for (let first = 1; channels > 2 && first < channels; first += 2) firsts.add(first);
  if (channels > 2) firsts.add(channels - 1); // with an odd number of channels the last two are a pair, too
  return [...firsts].sort((a, b) => a - b).map((first) => ({ first, words: `${first}–${first + 1}` }));
}

/**
 * @param {ReturnType<import('./history.js').History['summary']>} summary
 * @returns {string} the plot in one sentence, for users who cannot see it
 */
export function plotWords(summary) {
  const spans = [
    span('delay', summary.delayMin, summary.delayMax),
    span('buffer', summary.levelMin, summary.levelMax),
    span('target', summary.targetMin, summary.targetMax),
  ].filter(Boolean);
  if (spans.length === 0 && summary.glitches === 0) return 'The last minute appears here while you listen.';
  const sentence = [...spans, glitchWords(summary.glitches)].join(', ');
  return `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}.`;
}

/** @param {string} what @param {number} min @param {number} max @returns {string} "delay 39 to 44 ms", '' if never known */
function span(what, min, max) {
  if (!(min <= max)) return '';
  const [low, high] = [Math.round(min), Math.round(max)];
  return low === high ? `${what} ${low} ms` : `${what} ${low} to ${high} ms`;
}

/** @param {Source | null} source @returns {Source | null} the source if it gives no sound, null if it does or if that is unknown */
function silent(source) {
  return source && (source.kind === 'none' || source.state !== 'playing') ? source : null;
}

/** @param {Source} source @returns {boolean} whether it was a recording instead of an instrument */
function hasEnded(source) {
  return source.state === 'ended';
}

/** @param {Source} source @returns {string} why it is silent */
function silenceWords(source) {
  const name = source.name || 'The synth';
  if (hasEnded(source)) return `${name} has been played to its end`;
  if (source.state === 'lost') return `${name} is gone`;
  return source.state === 'stalled' ? `${name} sends no sound` : 'No synth found yet';
}

/** @param {Source} source @returns {string} what the page does meanwhile; the notice says why */
function waitingWords(source) {
  if (hasEnded(source)) return 'The recording is over';
  if (source.state === 'lost') return 'Waiting for the synth…';
  return source.state === 'stalled' ? 'Waiting for sound…' : 'Waiting for a synth…';
}
