// Runs before the page's own scripts: remembers every AudioContext the page makes, so that the bench can read the
// browser's own figures (playbackStats, baseLatency) without the page's help. Changes nothing else.
(() => {
  const Real = window.AudioContext;
  if (!Real) return;
  const made = [];
  Object.defineProperty(window, "__bench", { value: { made } });
  window.AudioContext = class AudioContext extends Real {
    constructor(options) {
      super(options);
      made.push({ context: this, options: options ?? null });
    }
  };
})();
