/**
 * Reads the binary records of docs/ref/wire-format.md.
 *
 * In: the bytes of one message. Out: its records, or a refusal that names the fault and its place. Any bytes give one or the
 * other; nothing throws. Record objects are reused from message to message: at 344 messages a second, garbage would be the
 * largest cost of the page. Elsewhere: the meaning of a record for the timeline (receiver.js), and text messages (messages.js).
 */

import {
  AUDIO_FRAMES_MAX, CHANNELS, FORMAT_S16LE, FRAME_BYTES, FULL_SCALE, HEAD_BYTES, MESSAGE_BYTES_MAX, RECORDS_MAX, TWO_TO_32, WIRE_VERSION,
} from './constants.js';

export const KIND_AUDIO = 1;
export const KIND_GAP = 2;
export const KIND_LISTENER = 3;

const FLAG_RESTART = 1;
const FLAG_PAST = 2;

/** A record, field by field. In a listener record some fields have another meaning; the getters below give it. */
export class WireRecord {
  kind = 0;
  flags = 0;
  stream = 0;
  format = 0;
  channels = 0;
  cause = 0;
  seq = 0;
  frames = 0;
  frameIndex = 0;
  captureNs = 0;
  readyNs = 0;
  /** Offset of the samples in the message, bytes. */
  payloadAt = 0;

  /** @returns {boolean} whether a new timeline begins here */
  get restart() {
    return (this.flags & FLAG_RESTART) !== 0;
  }

  /** @returns {boolean} whether this is a gap found after the fact, which does not advance the timeline */
  get past() {
    return this.kind === KIND_GAP && (this.flags & FLAG_PAST) !== 0;
  }

  /** @returns {number} in a listener record: shared records that this listener will not get */
  get lostPackets() {
    return this.seq;
  }

  /** @returns {number} in a listener record: the time that the record behind this note has waited */
  get queueAgeNs() {
    return this.captureNs;
  }

  /** @returns {number} in a listener record: when the message was written, service clock */
  get sentNs() {
    return this.readyNs;
  }
}

/**
 * The reason why a message was refused.
 *
 * @typedef {object} Refusal
 * @property {'empty' | 'oversized' | 'too_many_records' | 'truncated' | 'version' | 'kind' | 'format' | 'frames'} reason
 * @property {number} at the byte at which the record begins
 * @property {string} words one plain sentence
 */

export class WireParser {
  /** The records; only the first `count` belong to the last message. */
  records = Array.from({ length: RECORDS_MAX }, () => new WireRecord());
  count = 0;
  #view = new DataView(new ArrayBuffer(0));

  /**
   * Reads a whole message. After a refusal `count` is 0: nothing of a malformed message is used.
   *
   * @param {ArrayBuffer} message
   * @returns {Refusal | null} null if the whole message is valid
   */
  parse(message) {
    this.count = 0;
    if (message.byteLength === 0) return refusal('empty', 0, 'the message holds no record');
    if (message.byteLength > MESSAGE_BYTES_MAX) {
      return refusal('oversized', 0, `the message is larger than ${MESSAGE_BYTES_MAX} bytes`);
    }
    this.#view = new DataView(message);
    let at = 0;
    let count = 0;
    while (at < message.byteLength) {
      if (count === RECORDS_MAX) return refusal('too_many_records', at, `the message holds more than ${RECORDS_MAX} records`);
      const record = /** @type {WireRecord} */ (this.records[count]);
      const refused = readHead(this.#view, at, record) ?? judge(this.#view, at, record);
      if (refused) return refused;
      at = record.payloadAt + (record.kind === KIND_AUDIO ? record.frames * FRAME_BYTES : 0);
      count += 1;
    }
    this.count = count;
    return null;
  }

  /**
   * The samples of an audio record of the last message, -1 to 1: exactly Int16 / 32768.
   *
   * @param {WireRecord} record
   * @param {Float32Array} target interleaved, room for `2 * record.frames`
   */
  samplesInto(record, target) {
    const view = this.#view;
    const samples = record.frames * CHANNELS;
    for (let sample = 0, at = record.payloadAt; sample < samples; sample += 1, at += 2) {
      target[sample] = view.getInt16(at, true) / FULL_SCALE;
    }
  }
}

/** @param {DataView} view @param {number} at @param {WireRecord} record @returns {Refusal | null} */
function readHead(view, at, record) {
  const version = view.getUint8(at);
  if (version !== WIRE_VERSION) {
    return refusal('version', at, `the record at byte ${at} is of version ${version}, this program speaks ${WIRE_VERSION}`);
  }
  if (view.byteLength - at < HEAD_BYTES) return truncated(at);
  record.kind = view.getUint8(at + 1);
  record.flags = view.getUint8(at + 2);
  record.stream = view.getUint8(at + 3);
  record.format = view.getUint8(at + 4);
  record.channels = view.getUint8(at + 5);
  record.cause = view.getUint16(at + 6, true);
  record.seq = view.getUint32(at + 8, true);
  record.frames = view.getUint32(at + 12, true);
  record.frameIndex = unsigned64(view, at + 16);
  record.captureNs = unsigned64(view, at + 24);
  record.readyNs = unsigned64(view, at + 32);
  record.payloadAt = at + HEAD_BYTES;
  return null;
}

/** @param {DataView} view @param {number} at @param {WireRecord} record @returns {Refusal | null} */
function judge(view, at, record) {
  const { kind, frames } = record;
  if (kind !== KIND_AUDIO && kind !== KIND_GAP && kind !== KIND_LISTENER) {
    return refusal('kind', at, `the record at byte ${at} is of unknown kind ${kind}`);
  }
  const audio = kind === KIND_AUDIO;
  if (record.format !== (audio ? FORMAT_S16LE : 0) || record.channels !== (audio ? CHANNELS : 0)) {
    return refusal('format', at, `the record at byte ${at} has a format its kind cannot have`);
  }
  if ((kind !== KIND_LISTENER && frames === 0) || (audio && frames > AUDIO_FRAMES_MAX)) {
    return refusal('frames', at, `the record at byte ${at} claims ${frames} frames`);
  }
  return audio && view.byteLength - record.payloadAt < frames * FRAME_BYTES ? truncated(at) : null;
}

/** @param {number} at @returns {Refusal} */
function truncated(at) {
  return refusal('truncated', at, `the record at byte ${at} is cut short`);
}

/** @param {Refusal['reason']} reason @param {number} at @param {string} words @returns {Refusal} */
function refusal(reason, at, words) {
  return { reason, at, words };
}

/**
 * Two halves instead of getBigUint64: a BigInt is an object. Exact to 2^53, which frame indices reach after 6,000 years
 * and nanoseconds after 104 days (then good to 2 ns).
 *
 * @param {DataView} view @param {number} at @returns {number}
 */
function unsigned64(view, at) {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * TWO_TO_32;
}
