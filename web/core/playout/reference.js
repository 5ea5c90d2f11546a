/**
 * The reference: a reader at the live edge itself, which is never interrupted.
 *
 * In: the line, the blocks. Out: the frames that a reader without a lead would need. A reader with a lead of L needs the same
 * frames, L earlier. So every lead can be counted without being played (what_if.js), and an interrupted reader knows where it
 * belongs. The reference moves by the law of the audible reader (pace.js), but its steps are exact to the frame: it plays
 * nothing, so no splice must match. No method makes an object.
 */

import { STEP_MS } from './constants.js';
import { TIME } from './pace.js';
import { framesOf } from '../units.js';

export class Reference {
  isRunning = false;
  pace;
  /** The first frame that the block needs. */
  position = 0;
  /** Number of frames that the block needs. */
  neededFrames = 0;
  /** The reference's distance behind the live edge; in an array, because it has a fraction. */
  lead = new Float64Array(1);

  #line;
  #stepFrames;
  /** Number of frames that its buffer would hold. */
  #end = 0;

  /**
   * @param {import('./line_reader.js').LineReader} line
   * @param {import('./pace.js').Pace} pace of the reference
   * @param {number} streamRateHz
   */
  constructor(line, pace, streamRateHz) {
    this.#line = line;
    this.#stepFrames = framesOf(STEP_MS, streamRateHz);
    this.pace = pace;
  }

  /**
   * Call this when the line has become known. From then on a reader that waits for its place moves like the reference.
   *
   * @param {import('./pace.js').Pace} pace of the reader @param {number} end frames in its buffer
   * @param {number} needed frames it pulls for this block @param {number} contextFrame at the start of the block
   */
  begin(pace, end, needed, contextFrame) {
    this.isRunning = true;
    this.pace.follow(pace);
    this.pace.begin();
    this.#end = end;
    this.neededFrames = needed;
    this.position = 0;
    this.#measureLead(contextFrame, 0);
    this.position = Math.floor(/** @type {number} */ (this.lead[0]) - this.pace.steering.startMarginFrames) | 0;
  }

  /** Call this when another timeline begins. */
  stop() {
    this.isRunning = false;
  }

  /**
   * Advances to the next block.
   *
   * @param {number} frames of the block @param {number} contextFrame at its beginning
   * @param {number} pendingShift how many frames later than the line the live edge is @param {boolean} mayStep
   */
  move(frames, contextFrame, pendingShift, mayStep) {
    this.#measureLead(contextFrame, pendingShift);
    const { error, startMarginFrames } = this.pace;
    error[0] = /** @type {number} */ (this.lead[0]) - startMarginFrames;
    const step = Math.round(/** @type {number} */ (error[0])) | 0;
    if (mayStep && Math.abs(/** @type {number} */ (error[0])) > this.#stepFrames) {
      this.jump(step);
      error[0] = /** @type {number} */ (error[0]) - step;
      this.lead[0] = /** @type {number} */ (this.lead[0]) - step;
    }
    this.pace.steer(frames);
    this.neededFrames = this.pace.neededFrames(frames, this.#end);
  }

  /** @param {number} skip frames */
  jump(skip) {
    this.position = (this.position + skip) | 0;
  }

  /** @param {number} frames of the block that was put out */
  advance(frames) {
    this.position = (this.position + this.neededFrames) | 0;
    this.#end += this.neededFrames - this.pace.advance(frames);
  }

  /** @param {number} contextFrame @param {number} pendingShift */
  #measureLead(contextFrame, pendingShift) {
    this.#line.measure(contextFrame, this.position);
    const buffered = this.#end - /** @type {number} */ (this.pace.times[TIME]);
    this.lead[0] = /** @type {number} */ (this.#line.ahead[0]) + buffered + pendingShift;
  }
}
