/**
 * Constants that all of core shares: the stream's rates, units, and the size of the glitch ledger.
 *
 * Every number of core that is a choice stands in the table of its folder, `constants.js`, below a row of its own:
 * `unit | reason | what chose it`. The last cell names the document or bench with the measurement; or the test that fails at twice or half
 * the value; or `given:` and what prescribes it; or `not measured`. tests/web/constants.test.js reads the tables.
 */

/** frames/s | rates a stream may have; the service's `hello` says which | given: docs/ref/wire-format.md */
export const STREAM_RATES_HZ = Object.freeze([44_100, 48_000, 88_200, 96_000]);
/** frames/s | the instrument's rate. Lengths that follow the waveform, not the clock (concealment, splices), have the same number of frames at every rate
    | given: docs/develop/glossary.md */
export const STREAM_RATE_HZ = 44_100;
/** ns/ms | the service's clock counts nanoseconds, the browser's milliseconds | given: docs/design/clocks.md */
export const NS_PER_MS = 1e6;
/** ratio | one part in a million | given: SI */
export const PPM = 1e-6;

/** entries | kept in the ledger; older ones are only counted | docs/design/latency-budget.md */
export const ENTRIES_MAX = 200;
/** ms | the longest glitch of the first second of sound that is forgotten: one packet while the lead is still being found
    | tests/web/ledger.test.js */
export const START_GLITCH_MS_MAX = 3;
/** entries | wait for the page at most; the rest are only counted | not measured */
export const WAITING_MAX = 64;
