// Reads one sample of a page: the page's own report, and the browser's output figures. Units: seconds, as in the API.
(() => {
  const last = window.__bench?.made.at(-1);
  const context = last?.context;
  const stats = context?.playbackStats ?? context?.playoutStats;
  return {
    report: window.synthwire?.report?.() ?? null,
    context: context
      ? {
          state: context.state,
          rate_hz: context.sampleRate,
          latency_hint: last.options?.latencyHint ?? null,
          base_latency_s: context.baseLatency ?? null,
          output_latency_s: context.outputLatency ?? null,
          average_latency_s: stats?.averageLatency ?? null,
          minimum_latency_s: stats?.minimumLatency ?? null,
          maximum_latency_s: stats?.maximumLatency ?? null,
          total_s: stats?.totalDuration ?? null,
          underruns: stats?.underrunEvents ?? stats?.fallbackFramesEvents ?? null,
          underrun_s: stats?.underrunDuration ?? null,
        }
      : null,
  };
})();
