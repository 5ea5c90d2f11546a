// The listener's cost of converting a packet to floats, by wire format, and plain loops compared with WASM SIMD.
// `node benches/js/client_convert.mjs`. Times are the fastest of many short batches. For decision 0001.

const PERIOD_FRAMES = 128;
const RATE_HZ = 44100;

/** Nanoseconds per call: the fastest of 300 batches of 200, after warming up. */
function fastestNs(call) {
  let best = Infinity;
  for (let batch = 0; batch < 300; batch += 1) {
    const begin = process.hrtime.bigint();
    for (let n = 0; n < 200; n += 1) call();
    best = Math.min(best, Number(process.hrtime.bigint() - begin) / 200);
  }
  return best;
}

// --- plain loops: interleaved wire samples to two planes of floats, as a worklet's outputs need them ---

function fromInt16(samples, left, right, frames) {
  for (let frame = 0; frame < frames; frame += 1) {
    left[frame] = samples[2 * frame] / 32768;
    right[frame] = samples[2 * frame + 1] / 32768;
  }
}

function fromInt24(bytes, left, right, frames) {
  for (let frame = 0, at = 0; frame < frames; frame += 1, at += 6) {
    left[frame] = ((bytes[at] << 8) | (bytes[at + 1] << 16) | (bytes[at + 2] << 24)) / 2147483648;
    right[frame] = ((bytes[at + 3] << 8) | (bytes[at + 4] << 16) | (bytes[at + 5] << 24)) / 2147483648;
  }
}

function fromFloat32(samples, left, right, frames) {
  for (let frame = 0; frame < frames; frame += 1) {
    left[frame] = samples[2 * frame];
    right[frame] = samples[2 * frame + 1];
  }
}

// --- the same as fromInt16 in WASM SIMD, assembled here: convert(source, left, right, frames), four frames per iteration ---

function leb(value) {
  const bytes = [];
  do {
    bytes.push((value & 127) | (value > 127 ? 128 : 0));
    value >>>= 7;
  } while (value > 0);
  return bytes;
}
const vec = (items) => [...leb(items.length), ...items.flat()];
const section = (id, body) => [id, ...leb(body.length), ...body];
const simd = (opcode, ...rest) => [0xfd, ...leb(opcode), ...rest];
const get = (local) => [0x20, local];
const set = (local) => [0x21, local];
const constI32 = (value) => [0x41, value];
const ALIGN_ANY = [0, 0];
const V128 = 0x7b;
const I32 = 0x7f;
const [SOURCE, LEFT, RIGHT, FRAMES, QUAD, SCALE] = [0, 1, 2, 3, 4, 5];

const storedPlane = (plane, shifted) => [
  get(plane), shifted, simd(0xfa), get(SCALE), simd(0xe6), simd(0x0b, ...ALIGN_ANY), // convert_i32x4_s, mul, store
  get(plane), constI32(16), 0x6a, set(plane),
].flat();

const code = [
  0x43, 0x00, 0x00, 0x00, 0x38, simd(0x13), set(SCALE), // f32.const 2^-15, splat
  0x03, 0x40, // loop
  get(SOURCE), simd(0x00, ...ALIGN_ANY), set(QUAD), // eight Int16
  get(SOURCE), constI32(16), 0x6a, set(SOURCE),
  storedPlane(LEFT, [get(QUAD), constI32(16), simd(0xab), constI32(16), simd(0xac)].flat()), // shl, shr_s: low halves
  storedPlane(RIGHT, [get(QUAD), constI32(16), simd(0xac)].flat()), // high halves
  get(FRAMES), constI32(4), 0x6b, 0x22, FRAMES, constI32(0), 0x4a, 0x0d, 0x00, // frames -= 4; again while above 0
  0x0b, 0x0b,
].flat();

const module = new Uint8Array([
  0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
  ...section(1, vec([[0x60, ...vec([I32, I32, I32, I32].map((t) => [t])), 0]])),
  ...section(3, vec([[0]])),
  ...section(5, vec([[0, 1]])),
  ...section(7, vec([[...vec([[0x6d]]), 2, 0], [...vec([[0x63]]), 0, 0]])), // memory "m", function "c"
  ...section(10, vec([[...leb(code.length + 5), 2, 1, V128, 1, V128, ...code]])),
]);
const { m: memory, c: convert } = new WebAssembly.Instance(new WebAssembly.Module(module)).exports;

// --- measure ---

function report(name, ns, note = '') {
  const share = (ns / ((PERIOD_FRAMES / RATE_HZ) * 1e9)) * 100;
  console.log(`  ${name.padEnd(34)}${ns.toFixed(0).padStart(7)} ns${share.toFixed(4).padStart(9)} % of a core  ${note}`);
}

const wire = new ArrayBuffer(PERIOD_FRAMES * 8);
const int16 = new Int16Array(wire, 0, PERIOD_FRAMES * 2);
for (let n = 0; n < int16.length; n += 1) int16[n] = Math.imul(n, 40503);
const int24 = new Uint8Array(PERIOD_FRAMES * 6).map((_, n) => n * 37);
const float32 = new Float32Array(PERIOD_FRAMES * 2).map((_, n) => Math.sin(n));
const left = new Float32Array(PERIOD_FRAMES);
const right = new Float32Array(PERIOD_FRAMES);

const wasmInt16 = new Int16Array(memory.buffer, 0, PERIOD_FRAMES * 2);
const wasmLeft = new Float32Array(memory.buffer, 1024, PERIOD_FRAMES);
const wasmRight = new Float32Array(memory.buffer, 2048, PERIOD_FRAMES);
function throughWasm() {
  wasmInt16.set(int16);
  convert(0, 1024, 2048, PERIOD_FRAMES);
  left.set(wasmLeft);
  right.set(wasmRight);
}

throughWasm();
const [wasmL, wasmR] = [left.slice(), right.slice()];
fromInt16(int16, left, right, PERIOD_FRAMES);
if (left.some((sample, n) => sample !== wasmL[n] || right[n] !== wasmR[n])) throw new Error('WASM and JS disagree');

console.log(`Listener, ${PERIOD_FRAMES} frames to two planes of floats (node ${process.version})`);
report('Int16, plain loop', fastestNs(() => fromInt16(int16, left, right, PERIOD_FRAMES)));
report('Int24, plain loop', fastestNs(() => fromInt24(int24, left, right, PERIOD_FRAMES)));
report('Float32, plain loop', fastestNs(() => fromFloat32(float32, left, right, PERIOD_FRAMES)));
report('Int16, WASM SIMD, in its memory', fastestNs(() => convert(0, 1024, 2048, PERIOD_FRAMES)), 'only if all buffers live there');
report('Int16, WASM SIMD, copied in and out', fastestNs(throughWasm));
