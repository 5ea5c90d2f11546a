/** Runs as a thread, and writes frames that encode their position into a ring, fast enough to outrun a reader. */

import { workerData } from 'node:worker_threads';
import { RingWriter } from '../../../web/core/playout/ring.js';
import { addressed } from './records.js';

const RECORDS = 20_000;
const writer = new RingWriter(workerData.memory);
writer.restart(0);
const samples = new Float32Array(256);
for (let position = 0; position < RECORDS * 128; position += 128) {
  for (let frame = 0; frame < 128; frame += 1) {
    const [left, right] = addressed(position + frame);
    samples[2 * frame] = left / 32_768;
    samples[2 * frame + 1] = right / 32_768;
  }
  writer.audio(position, samples, 128);
}
writer.expectSilence();
