registerProcessor(
  "silent",
  class extends AudioWorkletProcessor {
    process(_inputs, [channels]) {
      for (const channel of channels) channel.fill(0);
      return true;
    }
  },
);
