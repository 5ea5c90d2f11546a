/**
 * The way to the speakers: the AudioContext, its volume, and the worklet in it.
 *
 * In: the requested properties of the output. Out: a context that runs if the browser permits it. Elsewhere: the context's own
 * figures (output_probe.js), the sound (worklet.js), and when to begin and end (session.js).
 */

import { RAMP_S } from './core/page/constants.js';
import { PROCESSOR_NAME } from './core/net/messages.js';

/**
 * @typedef {object} OutputOptions
 * @property {AudioContextLatencyCategory | number} latencyHint
 * @property {number | null} contextRate null: the device's own
 * @property {number} gain
 */

export class AudioOutput {
  context;
  #gain;

  /** @param {OutputOptions} options @param {() => void} changed called when the context's state has changed */
  constructor({ latencyHint, contextRate, gain }, changed) {
    // The type is playback, not ambience, so that the silent switch of iOS does not mute the sound.
    if (navigator.audioSession) navigator.audioSession.type = 'playback';
    this.context = new AudioContext({ latencyHint, ...(contextRate && { sampleRate: contextRate }) });
    this.#resume();
    this.#gain = new GainNode(this.context, { gain });
    this.#gain.connect(this.context.destination);
    this.context.onstatechange = changed;
    document.addEventListener('visibilitychange', this.#returned);
  }

  /** @returns {boolean} whether this gesture may bring the sound back; if not, only a new context can */
  unblock() {
    // Never call resume() while the context is interrupted: on iOS its state would become running while its time stands still.
    if (/** @type {string} */ (this.context.state) !== 'suspended') return false;
    this.#resume();
    return true;
  }

  /** @param {number} gain */
  setGain(gain) {
    const now = this.context.currentTime;
    this.#gain.gain.cancelScheduledValues(now);
    this.#gain.gain.setValueAtTime(this.#gain.gain.value, now);
    // The ramp is linear, because a linear ramp reaches its end: at full volume samples are exact again.
    this.#gain.gain.linearRampToValueAtTime(gain, now + RAMP_S);
  }

  /** @returns {Promise<void>} resolves when the audio thread has loaded its script */
  loadWorklet() {
    return this.context.audioWorklet.addModule(new URL('./worklet.js', import.meta.url).href);
  }

  /** Call this after load(). @param {import('./core/net/messages.js').ProcessorOptions} processorOptions */
  newWorklet(processorOptions) {
    return new AudioWorkletNode(this.context, PROCESSOR_NAME, {
      numberOfInputs: 0, numberOfOutputs: 1, outputChannelCount: [2], processorOptions,
    });
  }

  /** @param {AudioWorkletNode} node is audible from now on */
  play(node) {
    node.connect(this.#gain);
  }

  /** Reports nothing from now on, and fades the sound. */
  fadeOut() {
    document.removeEventListener('visibilitychange', this.#returned);
    this.context.onstatechange = null;
    this.setGain(0);
  }

  /** Call this once the sound has faded. */
  close() {
    void this.context.close().catch(() => {});
  }

  #resume() {
    void this.context.resume().catch(() => {}); // a context that stays suspended is shown as blocked
  }

  /** The user has come back to the page, so a context that the system suspended may continue. */
  #returned = () => {
    if (document.visibilityState === 'visible' && this.context.state === 'suspended') this.#resume();
  };
}
