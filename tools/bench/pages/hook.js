// Runs before the page's own scripts, with WISHES = {latency_hint, transport} before it, null where nothing is wished.
// Remembers every AudioContext the page makes, so that the bench can read the browser's own figures (playbackStats,
// baseLatency) without the page's help. Grants the wishes from outside: another latencyHint than the page asks for; and
// "port": the page finds itself not isolated, as behind a server without COOP and COEP.
(() => {
  const Real = window.AudioContext;
  if (!Real) return;
  const made = [];
  Object.defineProperty(window, "__bench", { value: { made } });
  window.AudioContext = class AudioContext extends Real {
    constructor(options) {
      const wished = WISHES.latency_hint === null ? options : { ...options, latencyHint: WISHES.latency_hint };
      super(wished);
      made.push({ context: this, options: wished ?? null });
    }
  };
  if (WISHES.transport === "port") Object.defineProperty(window, "crossOriginIsolated", { value: false });
})();
