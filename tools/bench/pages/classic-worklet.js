// The classic design: a ring of 2 s, filled with 0.5 s before playback starts. Any further delay stays forever.
const RING_FRAMES = 2 * 44100;
const PREFILL_FRAMES = 44100 / 2;

class Classic extends AudioWorkletProcessor {
  constructor() {
    super();
    this.ring = new Float32Array(2 * RING_FRAMES);
    this.written = 0;
    this.read = 0;
    this.playing = false;
    this.port.onmessage = ({ data }) => {
      for (let n = 0; n < data.length / 2 && this.written - this.read < RING_FRAMES; n++) {
        const at = 2 * (this.written++ % RING_FRAMES);
        this.ring[at] = data[2 * n];
        this.ring[at + 1] = data[2 * n + 1];
      }
      if (this.written - this.read >= PREFILL_FRAMES) this.playing = true;
    };
  }

  process(_inputs, [[left, right]]) {
    for (let n = 0; this.playing && n < left.length && this.read < this.written; n++) {
      const at = 2 * (this.read++ % RING_FRAMES);
      left[n] = this.ring[at];
      right[n] = this.ring[at + 1];
    }
    return true;
  }
}

registerProcessor("classic", Classic);
