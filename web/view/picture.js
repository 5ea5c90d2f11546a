/**
 * A canvas that fits its place on the page: sharp, in the style sheet's colours, redrawn when either changes.
 *
 * In: a canvas and a function that draws it. Out: calls of the function, with a context in CSS pixels. Elsewhere: the picture
 * itself, and how often its data changes. No clock is read here.
 */

/** @typedef {{delay: string, level: string, fault: string, faultGround: string, grid: string, label: string, text: string, ground: string, font: string}} Look */
/** @typedef {(context: CanvasRenderingContext2D, size: {width: number, height: number}, look: Look) => void} Draw */

/** A higher ratio is not visible, and only costs pixels. */
export const PIXEL_RATIO_MAX = 2;

/** Media queries whose results change the colours. */
const QUERIES = ['(prefers-color-scheme: light)', '(prefers-contrast: more)', '(forced-colors: active)'];

export class Picture {
  /** True if any part of the picture is on the screen. */
  seen = true;
  #canvas;
  #context;
  #draw;
  /** @type {Look | null} */
  #look = null;

  /** @param {HTMLCanvasElement} canvas @param {Draw} draw on a cleared canvas */
  constructor(canvas, draw) {
    this.#canvas = canvas;
    this.#context = canvas.getContext('2d');
    this.#draw = draw;
    new ResizeObserver(() => this.draw()).observe(canvas);
    new IntersectionObserver((entries) => {
      this.seen = entries.at(-1)?.isIntersecting ?? true;
      if (this.seen) this.draw();
    }).observe(canvas);
    for (const query of QUERIES) {
      matchMedia(query).addEventListener('change', () => {
        this.#look = null;
        this.draw();
      });
    }
  }

  draw() {
    const context = this.#context;
    const size = this.#fit();
    if (!context || size.width === 0) return;
    this.#look ??= lookOf(this.#canvas);
    context.clearRect(0, 0, size.width, size.height);
    this.#draw(context, size, this.#look);
  }

  /** @returns {{width: number, height: number}} the canvas's size in CSS pixels, its memory fitted to it */
  #fit() {
    const ratio = Math.min(devicePixelRatio, PIXEL_RATIO_MAX);
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.#canvas.width !== wide || this.#canvas.height !== high) {
      this.#canvas.width = wide;
      this.#canvas.height = high;
    }
    this.#context?.setTransform(ratio, 0, 0, ratio, 0, 0);
    return { width, height };
  }
}

/** @param {Element} element @returns {Look} the style sheet's colours, which are defined in one place and follow dark and light */
function lookOf(element) {
  const style = getComputedStyle(element);
  const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  return {
    delay: colour('--delay'), level: colour('--level'), fault: colour('--fault'), faultGround: colour('--fault-ground'),
    grid: colour('--hairline'), label: colour('--quiet'), text: colour('--text'), ground: colour('--panel'), font: style.fontFamily,
  };
}
