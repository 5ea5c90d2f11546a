/**
 * A watcher of watchdog.js, which prints "due woken" in CLOCK_MONOTONIC ns when it was woken more than 5 ms late. This is a
 * separate program without imports: it must have no signal handlers, because it never returns to its event loop.
 */

const TICK_MS = 1;
const LATE_NS = 5e6;

const never = new Int32Array(new SharedArrayBuffer(4));
for (;;) {
  const dueNs = Number(process.hrtime.bigint()) + TICK_MS * 1e6;
  Atomics.wait(never, 0, 0, TICK_MS);
  const wokeNs = Number(process.hrtime.bigint());
  if (wokeNs - dueNs > LATE_NS) process.stdout.write(`${dueNs} ${wokeNs}\n`);
}
