// The audio thread's globals, which TypeScript's libraries do not know (Web Audio API, AudioWorkletGlobalScope).

interface MessagePort {
  onmessage: ((event: { data: any }) => void) | null;
  postMessage(message: unknown, transfer?: (ArrayBuffer | MessagePort)[]): void;
}

declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}

declare function registerProcessor(name: string, processor: new (options: any) => AudioWorkletProcessor): void;
declare const currentFrame: number;
declare const sampleRate: number;
