/**
 * Constants of the wire format and of the connection. How to read a row: core/constants.js.
 */

// The wire format (wire.js)

/** version | the page refuses a service that speaks another | given: docs/ref/wire-format.md */
export const WIRE_VERSION = 1;
/** bytes | of a record's head | given: docs/ref/wire-format.md */
export const HEAD_BYTES = 40;
/** code | of Int16, little-endian | given: docs/ref/wire-format.md */
export const FORMAT_S16LE = 1;
/** samples/frame | left and right | given: docs/ref/wire-format.md */
export const CHANNELS = 2;
/** bytes | of a frame of payload: two Int16 | given: docs/ref/wire-format.md */
export const FRAME_BYTES = 4;
/** samples | Int16 of full scale: a sample is divided by this, exactly | given: docs/ref/wire-format.md */
export const FULL_SCALE = 32_768;
/** frames | in an audio record, at most | given: docs/ref/wire-format.md */
export const AUDIO_FRAMES_MAX = 2048;
/** records | in a message, at most | given: docs/ref/wire-format.md */
export const RECORDS_MAX = 64;
/** bytes | of a message, at most | given: docs/ref/wire-format.md */
export const MESSAGE_BYTES_MAX = 65_536;
/** ratio | of the upper half of a 64-bit number to the lower | given: docs/ref/wire-format.md */
export const TWO_TO_32 = 4_294_967_296;
/** frames | 3,200 years. Beyond it a double cannot distinguish neighbours, so a higher index is refused | given: ECMAScript's Number */
export const FRAME_INDEX_MAX = 2 ** 52;

// The connection (connection.js, backoff.js)

/** ms | pings are answered every second; after this much silence the connection counts as dead | tests/web/connection.test.js */
export const DEAF_MS = 5000;
/** ms | the Worker checks ten times a second. A longer pause means that it was asleep, so the silence proves nothing | not measured */
export const SLEPT_MS = 2500;
/** ms | a listener sent away sooner than this after its hello waits before it reconnects; otherwise two services could send it back and forth without a pause
    | tests/web/connection.test.js */
export const COME_AGAIN_AFTER_MS = 1000;
/** ms | before the first attempt to reconnect | tests/web/clocks.test.js */
export const RETRY_MS_FIRST = 250;
/** ms | a connection that ends this soon after its last message was closed at the other end: packets come every 3 ms, and a network
    that fails is silent for seconds first | tests/web/connection.test.js */
export const ABRUPT_MS = 1000;
/** ms | the longest wait between attempts: a listener is back within 5 s of the service | tests/web/clocks.test.js */
export const RETRY_MS_MAX = 5000;
/** share | of the wait that is random, so that the listeners of a restarted service do not return all at once | not measured */
export const RETRY_CHANCE = 0.25;

// The receiver (receiver.js, holes.js, arrivals.js)

/** ms | how often the audio thread is told the live edge: the line moves by less than 0.1 ms meanwhile
    | docs/design/decisions/0008-the-listeners-clock.md */
export const PUBLISH_EVERY_MS = 100;
/** ms | no listener buffers sound for longer, so a later record is lost | tests/web/receiver.test.js */
export const HOLE_KEPT_MS = 1000;
/** holes | that may be open at once; beyond that the oldest is given up | not measured */
export const HOLES_MAX = 16;
/** ms | over which the displayed travel times are computed | tests/web/clocks.test.js */
export const TRAVEL_WINDOW_MS = 1000;

// The recording of arrivals (trace_recorder.js)

/** packets | three minutes of packets of 128 frames | not measured */
export const TRACE_PACKETS = 62_000;
/** numbers | of a packet: frame index, capture time, arrival | given: tests/web/sim/trace.js */
export const TRACE_FIELDS = 3;
/** readings | of the service's clock: one a second for three minutes | not measured */
export const TRACE_OFFSETS = 180;
