/**
 * The page's access to the control words: the ring's memory, shared with Worker and worklet, or else the worklet's copies.
 *
 * In: the chosen mode. Out: words to read. Elsewhere: the meaning of each word (core/playout/controls.js).
 */

import { writeMode } from './core/playout/controls.js';
import { controlWords, RING_BYTES } from './core/playout/ring.js';

export class ControlWords {
  /** Words that the worklet reads and the Worker writes; null if memory cannot be shared. @type {SharedArrayBuffer | null} */
  memory;
  /** Shared, or the worklet's last copy; null before the first. @type {Int32Array | null} */
  words;
  /** The Worker's end of the port to the worklet, if memory cannot be shared. @type {MessagePort | null} */
  workerPort = null;

  #mode;
  #fixedMs;
  /** @type {AudioWorkletNode | null} */
  #node = null;
  /** @type {MessagePort | null} */
  #workletPort = null;

  /**
   * @param {'auto' | 'sab' | 'port'} transport
   * @param {import('./core/playout/controls.js').ModeName} mode @param {number | null} fixedMs
   */
  constructor(transport, mode, fixedMs) {
    // Isolated pages should have shared memory, but in WebKitGTK a setting decides. So check for the constructor itself.
    const mayShare = globalThis.crossOriginIsolated && typeof SharedArrayBuffer === 'function';
    this.memory = mayShare && transport !== 'port' ? new SharedArrayBuffer(RING_BYTES) : null;
    if (transport === 'sab' && !this.memory) throw new Error('this page may not share memory between threads');
    this.words = this.memory && controlWords(this.memory);
    if (!this.memory) ({ port1: this.workerPort, port2: this.#workletPort } = new MessageChannel());
    this.#mode = mode;
    this.#fixedMs = fixedMs;
    if (this.words) writeMode(this.words, mode, fixedMs);
  }

  /** Call this once the worklet exists. @param {AudioWorkletNode} node */
  attach(node) {
    this.#node = node;
    node.port.onmessage = ({ data }) => void (this.words = /** @type {import('./core/net/messages.js').FromWorklet} */ (data).words);
    if (!this.#workletPort) return;
    node.port.postMessage({ type: 'port', port: this.#workletPort }, [this.#workletPort]);
    this.setMode(this.#mode, this.#fixedMs);
  }

  /** @param {import('./core/playout/controls.js').ModeName} mode @param {number | null} fixedMs */
  setMode(mode, fixedMs) {
    this.#mode = mode;
    this.#fixedMs = fixedMs;
    if (this.memory && this.words) writeMode(this.words, mode, fixedMs);
    else this.#tell({ type: 'mode', mode, fixed_ms: fixedMs });
  }

  /** Asks for the next copy, if memory is not shared. */
  refresh() {
    if (!this.memory) this.#tell({ type: 'poll' });
  }

  /** Stops the worklet. */
  close() {
    this.#tell({ type: 'stop' });
    this.#node?.disconnect();
  }

  /** @param {import('./core/net/messages.js').ToWorklet<MessagePort>} order */
  #tell(order) {
    this.#node?.port.postMessage(order);
  }
}
