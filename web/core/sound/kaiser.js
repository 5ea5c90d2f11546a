/**
 * The Kaiser window, which limits the length of filters (J. F. Kaiser, Nonrecursive digital filter design using the I0-sinh
 * window function, 1974).
 */

/** Computes the window without its constant factor. @param {number} x -1 to 1 @param {number} beta @returns {number} */
export function kaiser(x, beta) {
  return besselI0(beta * Math.sqrt(Math.max(0, 1 - x * x)));
}

/** Modified Bessel function of the first kind, order 0: its power series, to the last bit of a double. @param {number} x */
function besselI0(x) {
  const quarter = (x * x) / 4;
  let sum = 1;
  for (let k = 1, term = quarter; term > sum * 1e-17; k += 1, term *= quarter / (k * k)) sum += term;
  return sum;
}
