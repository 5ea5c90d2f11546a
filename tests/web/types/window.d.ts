// Browser APIs that TypeScript's DOM library does not yet know.

/** Chromium 146: https://webaudio.github.io/web-audio-api/#AudioPlaybackStats, times in seconds. */
interface AudioPlaybackStats {
  readonly underrunDuration: number;
  readonly underrunEvents: number;
  readonly averageLatency: number;
  readonly minimumLatency: number;
  readonly maximumLatency: number;
  /** The three latencies count from now on. */
  resetLatency?(): void;
}

interface AudioContext {
  readonly playbackStats?: AudioPlaybackStats;
}

/** WebKit 16.4: https://w3c.github.io/audio-session/ */
interface Navigator {
  readonly audioSession?: { type: string };
}
