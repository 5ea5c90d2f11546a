/** Loads the shipped worklet with the globals of an audio thread. */

/** @typedef {{process(inputs: Float32Array[][], outputs: Float32Array[][]): boolean, port: Port}} Processor */
/** @typedef {{onmessage: ((event: {data: any}) => void) | null, postMessage(message: any, transfer?: any[]): void, sent: any[]}} Port */

/** @returns {Port} */
function fakePort() {
  /** @type {any[]} */
  const sent = [];
  return { onmessage: null, sent, postMessage: (message) => void sent.push(message) };
}

/** @type {any} */
const realm = globalThis;
/** @type {any} */
let registered = null;
realm.currentFrame = 0;
realm.sampleRate = 44_100;
realm.AudioWorkletProcessor = class {
  port = fakePort();
};
realm.registerProcessor = (/** @type {string} */ name, /** @type {any} */ processor) => {
  registered = { name, processor };
};
await import('../../../web/worklet.js');

export const registeredName = registered.name;

/** @param {SharedArrayBuffer | null} memory @param {number} [contextRateHz] @returns {Processor} */
export function newProcessor(memory, contextRateHz = 44_100) {
  realm.sampleRate = contextRateHz;
  return new registered.processor({ processorOptions: { memory } });
}

/** @param {number} frame */
export function setCurrentFrame(frame) {
  realm.currentFrame = frame;
}
