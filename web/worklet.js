/**
 * The audio thread: from the ring to the outputs.
 *
 * In: the ring's memory (shared, or its own with blocks that arrive through a port). Out: two channels.
 * process() makes no object, closure, subarray or message, and reads the block length from its arguments. core/playout/playout.js
 * decides what to play when. A GainNode applies the volume (audio_output.js), so at full volume samples stay exact.
 */

import { controlWords, RING_BYTES, RingWriter } from './core/playout/ring.js';
import { streamRate, takePeaks, writeMode } from './core/playout/controls.js';
import { PROCESSOR_NAME } from './core/net/messages.js';
import { Playout } from './core/playout/playout.js';
import { applyBlock, stampBlock } from './core/playout/port_sink.js';

class PlayoutProcessor extends AudioWorkletProcessor {
  #memory;
  #words;
  #playout;
  #streamRateHz;
  #running = true;

  /** @param {{processorOptions: import('./core/net/messages.js').ProcessorOptions}} options */
  constructor({ processorOptions }) {
    super();
    this.#memory = processorOptions.memory ?? new ArrayBuffer(RING_BYTES);
    this.#words = controlWords(this.#memory);
    this.#streamRateHz = streamRate(this.#words);
    this.#playout = new Playout(this.#memory, sampleRate, this.#streamRateHz);
    this.port.onmessage = (event) => this.#told(event.data);
  }

  /** @param {Float32Array[][]} _inputs @param {Float32Array[][]} outputs @returns {boolean} */
  process(_inputs, outputs) {
    if (streamRate(this.#words) !== this.#streamRateHz) this.#beginAnew();
    const output = /** @type {Float32Array[]} */ (outputs[0]);
    this.#playout.render(/** @type {Float32Array} */ (output[0]), /** @type {Float32Array} */ (output[1]), currentFrame);
    return this.#running;
  }

  /** Call this when the stream's rate has changed. The method allocates, which is harmless because nothing sounds meanwhile. */
  #beginAnew() {
    this.#streamRateHz = streamRate(this.#words);
    this.#playout = new Playout(this.#memory, sampleRate, this.#streamRateHz);
  }

  /** @param {import('./core/net/messages.js').ToWorklet<MessagePort>} message */
  #told(message) {
    switch (message.type) {
      case 'port': return this.#listen(message.port);
      case 'poll': return this.#report();
      case 'mode': return writeMode(controlWords(this.#memory), message.mode, message.fixed_ms);
      case 'stop': this.#running = false;
    }
  }

  /** Blocks of frames come directly from the Worker, and their buffers go back to it. @param {MessagePort} port */
  #listen(port) {
    const ring = new RingWriter(this.#memory);
    port.onmessage = (event) => {
      applyBlock(event.data, ring);
      // Do not use currentFrame: it stays 0 until the context runs, and engines disagree about the moment it means.
      stampBlock(event.data, ring.renderedFrame());
      port.postMessage(event.data, [event.data]);
    };
  }

  /** The page cannot read this ring, so it gets a copy of the control words. */
  #report() {
    const words = controlWords(this.#memory);
    /** @type {import('./core/net/messages.js').FromWorklet} */
    const message = { type: 'controls', words: words.slice() };
    takePeaks(words, [0, 0]);
    this.port.postMessage(message);
  }
}

registerProcessor(PROCESSOR_NAME, PlayoutProcessor);
