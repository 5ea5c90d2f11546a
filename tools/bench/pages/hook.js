// Runs before the page's own scripts. The bench defines OVERRIDES = {latency_hint, transport} before it; null means no override.
// The script keeps every AudioContext that the page makes, so that the bench can read the browser's own figures (playbackStats,
// baseLatency) without the page's help. It also applies the overrides: latency_hint replaces the page's latencyHint; with transport
// "port" the page finds itself not isolated, as behind a server without COOP and COEP.
(() => {
  const Real = window.AudioContext;
  if (!Real) return;
  const made = [];
  Object.defineProperty(window, "__bench", { value: { made } });
  window.AudioContext = class AudioContext extends Real {
    constructor(options) {
      const wished = OVERRIDES.latency_hint === null ? options : { ...options, latencyHint: OVERRIDES.latency_hint };
      super(wished);
      made.push({ context: this, options: wished ?? null });
    }
  };
  if (OVERRIDES.transport === "port") Object.defineProperty(window, "crossOriginIsolated", { value: false });
})();
