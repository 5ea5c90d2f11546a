/**
 * The player: the sound's face towards the page.
 *
 * In: start, stop, volume, pair. Out: sound, states, numbers. Owns the AudioContext, the Worker and the worklet, and
 * samples the clocks that exist only on this thread. What belongs elsewhere: elements (view/), words, decisions (core/).
 */

import { controlWords, RING_BYTES } from './core/ring.js';
import { PLAYOUT, readPlayout, takePeaks } from './core/controls.js';
import { PROCESSOR_NAME } from './core/messages.js';
import { OutputClock } from './core/output_clock.js';
import { phase } from './core/phase.js';
import { buildReport } from './core/report.js';
import { STREAM_RATE_HZ } from './core/units.js';

const LOOK_EVERY_MS = 100;
/** Volume, and the end of a session, move without a step. */
const RAMP_S = 0.02;
const CLOSE_AFTER_MS = 60;
/** Sound this fresh was playing a moment ago: three looks. */
const SOUNDED_LATELY_MS = 300;
/** How long a refused wish is shown. */
const REFUSAL_SHOWN_MS = 8000;

/**
 * @typedef {object} PlayerOptions
 * @property {string} [socketUrl] default: /ws where the page came from
 * @property {AudioContextLatencyCategory | number} [latencyHint] chosen by measurement (docs/latency-budget.md)
 * @property {number} [contextRate] must be the stream's rate: nothing resamples yet
 * @property {'auto' | 'sab' | 'port'} [transport]
 */

/** @typedef {{problem: import('./core/messages.js').Problem, detail: string}} Failure */

/** Page time: one scale for Worker and page. @returns {number} ms */
function pageNowMs() {
  return performance.timeOrigin + performance.now();
}

/** Sends 'change' about ten times a second while active, and whenever the state changes. */
export class Player extends EventTarget {
  #options;
  /** @type {Session | null} */
  #session = null;
  /** @type {Failure | null} */
  #failure = null;
  #volume = 1;

  /** @param {PlayerOptions} [options] */
  constructor(options = {}) {
    super();
    this.#options = {
      socketUrl: options.socketUrl ?? `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`,
      latencyHint: options.latencyHint ?? 'interactive',
      contextRate: options.contextRate ?? STREAM_RATE_HZ,
      transport: options.transport ?? 'auto',
    };
  }

  /** Call it in the gesture handler itself: the context is made and resumed before this returns. While blocked: unblocks. */
  start() {
    const { state } = this.report();
    if (this.#session && state !== 'failed' && (state !== 'blocked' || this.#session.unblock())) return;
    this.#session?.close();
    this.#session = null;
    this.#failure = obstacle();
    if (!this.#failure) this.#open();
    this.#changed();
  }

  stop() {
    this.#session?.close();
    this.#session = null;
    this.#failure = null;
    this.#changed();
  }

  /** @param {number} volume 0 to 1, as a slider stands; its square is the gain, which is how loudness is felt */
  setVolume(volume) {
    this.#volume = Math.min(1, Math.max(0, volume));
    this.#session?.setGain(this.#volume ** 2);
  }

  /** @param {number} firstChannel from 1; heard by every listener of the service */
  setPair(firstChannel) {
    this.#session?.setPair(firstChannel);
  }

  /** Everything the page shows; `peaks` are left and right since the last change, linear. */
  snapshot() {
    const { phase: now, worker, peaks } = this.#known();
    return { ...this.report(), problem_detail: now.detail, source: worker?.source ?? null, peaks, volume: this.#volume };
  }

  /** @returns {import('./core/report.js').Report} the numbers of docs/guide/report.md */
  report() {
    return buildReport(this.#known());
  }

  #known() {
    if (this.#session) return this.#session.known();
    const { latencyHint } = this.#options;
    return { ...NOTHING_KNOWN, latencyHint, nowMs: pageNowMs(), phase: phase({ ...NO_FACTS, failure: this.#failure }) };
  }

  #open() {
    try {
      this.#session = new Session(this.#options, this.#volume ** 2, () => this.#changed(), (failure) => this.#fail(failure));
    } catch (error) {
      this.#fail({ problem: 'internal', detail: String(error) });
    }
  }

  /** @param {Failure} failure */
  #fail(failure) {
    this.#session?.close();
    this.#session = null;
    this.#failure = failure;
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}

/** @type {import('./core/phase.js').Facts} */
const NO_FACTS = {
  started: false, failure: null, started_ago_ms: 0, context_state: 'closed', context_still_ms: 0, worker: null,
  playout_state: PLAYOUT.EMPTY, silent_ms: Infinity, wish_refused: null,
};

/** @type {Omit<import('./core/report.js').Known, 'nowMs' | 'phase' | 'latencyHint'> & {peaks: null}} */
const NOTHING_KNOWN = {
  transport: null, contextRateHz: null, baseLatencyMs: null, outputLatencyMs: null, playbackStats: null, playout: null,
  worker: null, heardContextMs: null, outputClock: null, renderUnderruns: 0, suspensions: 0, startToSoundMs: null, peaks: null,
};

/** @returns {Failure | null} why this page cannot play at all */
function obstacle() {
  if (!globalThis.isSecureContext) return { problem: 'insecure_context', detail: '' };
  // The constructors may be there while the property is not: Chromium shows AudioWorkletNode on insecure pages too.
  const able = typeof AudioContext === 'function' && 'audioWorklet' in AudioContext.prototype && typeof Worker === 'function';
  return able ? null : { problem: 'no_worklet', detail: '' };
}

/** From one start to the next stop. Whatever comes late for a session that was closed is dropped. */
class Session {
  #options;
  #changed;
  #failed;
  #context;
  #gain;
  #worker;
  /** @type {AudioWorkletNode | null} */
  #node = null;
  /** Null where memory cannot be shared. @type {SharedArrayBuffer | null} */
  #memory;
  #channel = new MessageChannel();
  /** Shared, or the worklet's last copy. @type {Int32Array | null} */
  #controls;
  #clock = new OutputClock();
  #closed = false;
  #lookTimer;

  #startedMs = pageNowMs();
  /** @type {import('./core/messages.js').WorkerStatus | null} */
  #status = null;
  /** @type {import('./core/controls.js').PlayoutReading | null} */
  #playout = null;
  /** @type {[number, number]} */
  #peaks = [0, 0];
  #soundedMs = -Infinity;
  #contextMs = -1;
  #contextMovedMs = this.#startedMs;
  #underrunsSeen = 0;
  #renderUnderruns = 0;
  #suspensions = 0;
  /** @type {number | null} */
  #startToSoundMs = null;
  /** @type {{words: string, atMs: number} | null} */
  #wishRefused = null;
  #shownState = '';
  #wasRunning = false;

  /**
   * @param {Required<PlayerOptions>} options @param {number} gain
   * @param {() => void} changed @param {(failure: Failure) => void} failed
   */
  constructor(options, gain, changed, failed) {
    this.#options = options;
    this.#changed = changed;
    this.#failed = failed;
    // An isolated page is promised shared memory, but WebKitGTK has it only when asked to: look for the thing itself.
    const mayShare = globalThis.crossOriginIsolated && typeof SharedArrayBuffer === 'function';
    this.#memory = mayShare && options.transport !== 'port' ? new SharedArrayBuffer(RING_BYTES) : null;
    if (options.transport === 'sab' && !this.#memory) throw new Error('this page may not share memory between threads');
    this.#controls = this.#memory && controlWords(this.#memory);
    // Playback, not ambience: on iOS the silent switch then does not mute it.
    if (navigator.audioSession) navigator.audioSession.type = 'playback';
    this.#context = new AudioContext({ latencyHint: options.latencyHint, sampleRate: options.contextRate });
    void this.#context.resume().catch(() => {}); // a context that stays suspended is shown as blocked
    this.#gain = new GainNode(this.#context, { gain });
    this.#gain.connect(this.#context.destination);
    this.#context.onstatechange = () => this.#contextChanged();
    document.addEventListener('visibilitychange', this.#returned);
    this.#worker = this.#startWorker();
    this.#lookTimer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    void this.#startWorklet();
  }

  /** @returns {boolean} it may come back by this gesture; else only a new context will */
  unblock() {
    // Never resume() while interrupted: the state would become running with time standing still (platform facts, iOS).
    if (/** @type {string} */ (this.#context.state) !== 'suspended') return false;
    this.#startedMs = pageNowMs();
    this.#contextMovedMs = this.#startedMs;
    void this.#context.resume().catch(() => {});
    return true;
  }

  /** @param {number} gain */
  setGain(gain) {
    const now = this.#context.currentTime;
    this.#gain.gain.cancelScheduledValues(now);
    this.#gain.gain.setValueAtTime(this.#gain.gain.value, now);
    // Linear, because it arrives: at full volume samples are exact again.
    this.#gain.gain.linearRampToValueAtTime(gain, now + RAMP_S);
  }

  /** @param {number} firstChannel */
  setPair(firstChannel) {
    this.#tellWorker({ type: 'set_pair', first_channel: firstChannel });
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#lookTimer);
    document.removeEventListener('visibilitychange', this.#returned);
    this.#context.onstatechange = null;
    this.#worker.onmessage = this.#worker.onerror = null;
    this.#tellWorker({ type: 'close' });
    this.setGain(0);
    setTimeout(() => {
      this.#worker.terminate();
      this.#tellWorklet({ type: 'stop' });
      this.#node?.disconnect();
      void this.#context.close().catch(() => {});
    }, CLOSE_AFTER_MS);
  }

  /** @returns {import('./core/report.js').Known & {peaks: ArrayLike<number>}} */
  known() {
    const nowMs = pageNowMs();
    const context = this.#context;
    const heardContextMs = this.#clock.heardContextMs(nowMs);
    return {
      nowMs,
      phase: this.#phase(nowMs),
      transport: this.#memory ? 'sab' : 'port',
      contextRateHz: context.sampleRate,
      latencyHint: this.#options.latencyHint,
      baseLatencyMs: milliseconds(context.baseLatency),
      outputLatencyMs: milliseconds(context.outputLatency),
      playbackStats: playbackStats(context),
      playout: this.#playout,
      worker: this.#status,
      heardContextMs,
      outputClock: this.#clock.method,
      renderUnderruns: this.#renderUnderruns,
      suspensions: this.#suspensions,
      startToSoundMs: this.#startToSoundMs,
      peaks: this.#peaks,
    };
  }

  /** @param {number} nowMs */
  #phase(nowMs) {
    const refused = this.#wishRefused;
    return phase({
      started: true,
      failure: null,
      started_ago_ms: nowMs - this.#startedMs,
      context_state: this.#context.state,
      context_still_ms: nowMs - this.#contextMovedMs,
      worker: this.#status,
      playout_state: this.#playout?.state ?? PLAYOUT.EMPTY,
      silent_ms: nowMs - this.#soundedMs,
      wish_refused: refused && nowMs - refused.atMs < REFUSAL_SHOWN_MS ? refused.words : null,
    });
  }

  /** @returns {Worker} */
  #startWorker() {
    const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'synthwire socket' });
    worker.onmessage = ({ data }) => this.#workerSaid(data);
    worker.onerror = (event) => this.#fail(`worker: ${event.message || 'it did not load'}`);
    const port = this.#memory ? null : this.#channel.port1;
    worker.postMessage({ type: 'open', url: this.#options.socketUrl, memory: this.#memory, port }, port ? [port] : []);
    return worker;
  }

  async #startWorklet() {
    const context = this.#context;
    if (context.sampleRate !== STREAM_RATE_HZ) {
      // A microtask later, so that the session is known to the player that it fails for.
      await Promise.resolve();
      this.#fail(`this browser plays at ${context.sampleRate} Hz, the stream has ${STREAM_RATE_HZ} Hz`);
      return;
    }
    try {
      await context.audioWorklet.addModule(new URL('./worklet.js', import.meta.url).href);
      if (this.#closed) return;
      /** @type {import('./core/messages.js').ProcessorOptions} */
      const processorOptions = { memory: this.#memory };
      const node = new AudioWorkletNode(context, PROCESSOR_NAME, {
        numberOfInputs: 0, numberOfOutputs: 1, outputChannelCount: [2], processorOptions,
      });
      node.onprocessorerror = () => this.#fail('the audio thread broke');
      node.port.onmessage = ({ data }) => this.#workletSaid(data);
      node.connect(this.#gain);
      this.#node = node;
      if (!this.#memory) node.port.postMessage({ type: 'port', port: this.#channel.port2 }, [this.#channel.port2]);
    } catch (error) {
      this.#fail(`worklet: ${String(error)}`);
    }
  }

  /** @param {string} detail */
  #fail(detail) {
    if (!this.#closed) this.#failed({ problem: 'internal', detail });
  }

  /** @param {import('./core/messages.js').ToWorker<MessagePort>} order */
  #tellWorker(order) {
    this.#worker.postMessage(order);
  }

  /** @param {import('./core/messages.js').ToWorklet<MessagePort>} order */
  #tellWorklet(order) {
    this.#node?.port.postMessage(order);
  }

  /** @param {import('./core/messages.js').FromWorker} message */
  #workerSaid(message) {
    if (message.type === 'status') this.#status = message.status;
    else this.#wishRefused = { words: message.reason, atMs: pageNowMs() };
    this.#announce();
  }

  /** @param {import('./core/messages.js').FromWorklet} message */
  #workletSaid(message) {
    this.#controls = message.words;
  }

  #contextChanged() {
    const stopped = this.#context.state !== 'running';
    // Once per sleep, and only if it took sound away: iOS passes from running through interrupted to suspended.
    if (stopped && this.#wasRunning && pageNowMs() - this.#soundedMs < SOUNDED_LATELY_MS) this.#suspensions += 1;
    this.#wasRunning = !stopped;
    this.#clock.reset();
    this.#contextMovedMs = pageNowMs();
    this.#announce();
  }

  /** The page is looked at again: what the system had put to sleep may go on. */
  #returned = () => {
    if (document.visibilityState === 'visible' && this.#context.state === 'suspended') void this.#context.resume().catch(() => {});
  };

  /** Ten times a second: clocks, counters, peaks. */
  #look() {
    const nowMs = pageNowMs();
    this.#sampleClocks(nowMs);
    if (!this.#memory) this.#tellWorklet({ type: 'poll' });
    const playout = this.#controls && readPlayout(this.#controls);
    if (this.#controls && playout) {
      takePeaks(this.#controls, this.#peaks);
      this.#playout = playout;
      if (playout.state === PLAYOUT.SOUNDING) this.#soundedMs = nowMs;
      this.#noteFirstSound(playout.first_sound_context_frame);
    }
    this.#noteUnderruns();
    this.#changed();
  }

  /** @param {number} nowMs */
  #sampleClocks(nowMs) {
    const context = this.#context;
    const contextMs = context.currentTime * 1000;
    if (contextMs !== this.#contextMs) {
      this.#contextMs = contextMs;
      this.#contextMovedMs = nowMs;
    }
    if (context.state !== 'running') return;
    const { contextTime, performanceTime } = context.getOutputTimestamp();
    const stamp = contextTime && performanceTime
      ? { context_ms: contextTime * 1000, at_ms: performance.timeOrigin + performanceTime } : null;
    const latencyMs = playbackStats(context)?.average_latency_ms || milliseconds(context.outputLatency);
    this.#clock.observe({ now_ms: nowMs, context_ms: contextMs, stamp, latency_ms: latencyMs });
  }

  /** @param {number | null} contextFrame */
  #noteFirstSound(contextFrame) {
    if (contextFrame === null || this.#startToSoundMs !== null) return;
    const heardMs = this.#clock.pageMsWhenHeard((contextFrame * 1000) / this.#context.sampleRate);
    if (heardMs !== null) this.#startToSoundMs = heardMs - this.#startedMs;
  }

  /** Underruns of the browser's own output count while there is something to hear. */
  #noteUnderruns() {
    const underruns = playbackStats(this.#context)?.underruns ?? 0;
    if (this.#playout?.state === PLAYOUT.SOUNDING) this.#renderUnderruns += underruns - this.#underrunsSeen;
    this.#underrunsSeen = underruns;
  }

  /** Says so at once when the state is another. */
  #announce() {
    const { state, problem } = this.#phase(pageNowMs());
    const shown = `${state} ${problem}`;
    if (shown === this.#shownState) return;
    this.#shownState = shown;
    this.#changed();
  }
}

/** @param {number | undefined} seconds @returns {number | null} null where the engine does not say; 0 is not an answer */
function milliseconds(seconds) {
  return seconds ? seconds * 1000 : null;
}

/** @param {AudioContext} context @returns {import('./core/report.js').PlaybackStats | null} */
function playbackStats({ playbackStats: stats }) {
  return stats ? {
    average_latency_ms: stats.averageLatency * 1000,
    minimum_latency_ms: stats.minimumLatency * 1000,
    maximum_latency_ms: stats.maximumLatency * 1000,
    underruns: stats.underrunEvents,
    underrun_ms: stats.underrunDuration * 1000,
  } : null;
}
