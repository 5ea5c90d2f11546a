/** The parts of a browser that the player uses. The test controls time and timers. */

/** @type {any} */
const realm = globalThis;

/** The objects made since reset(), newest last. */
export const made = { /** @type {any[]} */ contexts: [], /** @type {any[]} */ workers: [], /** @type {any[]} */ nodes: [] };

/** @type {Map<number, {run: () => void, everyMs: number | null, dueMs: number}>} */
const timers = new Map();
let nowMs = 0;
let nextTimer = 1;

/** True time, which no clock shows unless the test says so. @returns {number} ms */
export function trueMs() {
  return nowMs;
}

class FakeAudioContext {
  state = 'suspended';
  currentTime = 0;
  baseLatency = 0.0116;
  /** Number of times the page asked for its output latency. */
  asked = 0;
  destination = {};
  resumed = 0;
  /** @type {(() => void) | null} */
  onstatechange = null;

  /** @param {any} options */
  constructor(options) {
    this.options = options;
    this.sampleRate = options.sampleRate ?? 44_100;
    made.contexts.push(this);
  }

  get audioWorklet() {
    return { addModule: async () => {} };
  }

  get outputLatency() {
    this.asked += 1;
    return 0.03;
  }

  async resume() {
    this.resumed += 1;
  }

  async close() {
    this.state = 'closed';
  }

  getOutputTimestamp() {
    this.asked += 1;
    return { contextTime: Math.max(0, this.currentTime - 0.03), performanceTime: performance.now() };
  }

  /** @param {string} state */
  become(state) {
    this.state = state;
    this.onstatechange?.();
  }
}

class FakeNode {
  gain = { value: 1, cancelScheduledValues() {}, setValueAtTime() {}, linearRampToValueAtTime: (/** @type {number} */ value) => void (this.gain.value = value) };
  port = { sent: /** @type {any[]} */ ([]), onmessage: null, postMessage: (/** @type {any} */ message) => void this.port.sent.push(message) };

  /** @param {any} context @param {any} options */
  constructor(context, options) {
    this.context = context;
    if (typeof options?.gain === 'number') this.gain.value = options.gain;
  }

  connect() {}

  disconnect() {}
}

class FakeWorkletNode extends FakeNode {
  /** @param {any} context @param {string} name @param {any} options */
  constructor(context, name, options) {
    super(context, options);
    this.name = name;
    this.options = options;
    made.nodes.push(this);
  }
}

class FakeWorker {
  /** @type {any[]} */
  told = [];
  terminated = false;
  /** @type {((event: {data: any}) => void) | null} */
  onmessage = null;

  constructor() {
    made.workers.push(this);
  }

  /** @param {any} message */
  postMessage(message) {
    this.told.push(message);
  }

  terminate() {
    this.terminated = true;
  }
}

/** @param {Record<string, unknown>} [changes] to the realm, for example an insecure page */
export function reset(changes = {}) {
  for (const list of Object.values(made)) list.length = 0;
  timers.clear();
  nowMs = 0;
  const globals = {
    isSecureContext: true, crossOriginIsolated: true, AudioContext: FakeAudioContext, AudioWorkletNode: FakeWorkletNode,
    GainNode: FakeNode, Worker: FakeWorker, location: { protocol: 'http:', host: 'synthwire.local', href: 'http://synthwire.local/' }, navigator: { audioSession: { type: 'auto' } },
    document: { addEventListener() {}, removeEventListener() {}, visibilityState: 'visible' },
    MessageChannel: class {
      port1 = {};
      port2 = {};
    },
    performance: { timeOrigin: 1e12, now: () => nowMs },
    setTimeout: (/** @type {() => void} */ run, /** @type {number} */ ms) => addTimer(run, ms, null),
    setInterval: (/** @type {() => void} */ run, /** @type {number} */ ms) => addTimer(run, ms, ms),
    clearTimeout: (/** @type {number} */ id) => void timers.delete(id),
    clearInterval: (/** @type {number} */ id) => void timers.delete(id),
    ...changes,
  };
  for (const [name, value] of Object.entries(globals)) Object.defineProperty(realm, name, { value, configurable: true, writable: true });
}

/** @param {() => void} run @param {number} ms @param {number | null} everyMs @returns {number} */
function addTimer(run, ms, everyMs) {
  timers.set(nextTimer, { run, everyMs, dueMs: nowMs + ms });
  nextTimer += 1;
  return nextTimer - 1;
}

/** Lets time pass; contexts run and promises settle. @param {number} ms */
export async function pass(ms) {
  for (const untilMs = nowMs + ms; nowMs < untilMs;) {
    nowMs += 10;
    for (const context of made.contexts) if (context.state === 'running') context.currentTime += 0.01;
    for (const [id, timer] of [...timers]) {
      if (timer.dueMs > nowMs) continue;
      if (timer.everyMs === null) timers.delete(id);
      else timer.dueMs += timer.everyMs;
      timer.run();
    }
    await Promise.resolve();
  }
}

export function runningTimers() {
  return timers.size;
}
