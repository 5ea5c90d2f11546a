#!/usr/bin/env node
// Plays a trace of arrivals through the shipped code, and prints the listener's result as one line of JSON
// (docs/design/playout.md). An error in the trace goes to stderr, with exit code 2. Settings come from the environment, as make
// sets it:
//   TRACE=file.csv MODE=auto|lowest|safest SKEW_PPM=0 SOUND=piano      or, to create a trace (`make trace`),
//   PROFILE=bad-wifi SEED=1 SECONDS=600 FILE=file.csv

import { readFileSync, writeFileSync } from 'node:fs';
import { NETWORKS, packetsOf, UNSEEN_NETWORKS } from '../tests/web/sim/networks.js';
import { SOUNDS } from '../tests/web/sim/sounds.js';
import { formatTrace, parseTrace, TraceError } from '../tests/web/sim/trace.js';
import { TraceRun } from '../tests/web/sim/trace_run.js';

const MODES = ['lowest', 'auto', 'safest'];

/** @param {string} words @returns {never} */
function refuse(words) {
  process.stderr.write(`${words}\n`);
  process.exit(2);
}

/** @param {string} name @param {string} fallback @param {number} least @param {number} most @returns {number} */
function numberOf(name, fallback, least, most) {
  const text = process.env[name] || fallback;
  const value = Number(text);
  if (text.trim() === '' || !(value >= least && value <= most)) refuse(`${name}=${text}: a number from ${least} to ${most} is needed`);
  return value;
}

function makeTrace() {
  const profile = process.env.PROFILE ?? '';
  const file = process.env.FILE || refuse('FILE=: where is the trace to be written?');
  const names = [...Object.keys(NETWORKS), ...Object.keys(UNSEEN_NETWORKS)];
  if (!names.includes(profile)) refuse(`PROFILE=${profile}: there are ${names.join(', ')}`);
  const packets = packetsOf(profile, numberOf('SEED', '1', 0, 2 ** 32 - 1), numberOf('SECONDS', '600', 1, 86_400));
  writeFileSync(file, formatTrace(packets));
}

function simulate() {
  const file = process.env.TRACE || refuse('TRACE=: which file? Its first line is frame_index,capture_ns,arrival_ns');
  const mode = process.env.MODE || 'auto';
  if (!MODES.includes(mode)) refuse(`MODE=${mode}: there are ${MODES.join(', ')}`);
  const skewPpm = numberOf('SKEW_PPM', '0', -1000, 1000);
  const sound = process.env.SOUND || 'piano';
  if (!SOUNDS.includes(sound)) refuse(`SOUND=${sound}: there are ${SOUNDS.join(', ')}`);
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    refuse(`${file}: cannot be read (${error.code})`);
  }
  try {
    const { packets, packetFrames } = parseTrace(text);
    const heard = new TraceRun(packets, packetFrames, { mode, skewPpm, sound }).run().heard();
    process.stdout.write(`${JSON.stringify(heard)}\n`);
  } catch (error) {
    if (!(error instanceof TraceError)) throw error;
    refuse(`${file}:${error.line}: ${error.message}`);
  }
}

if (process.argv[2] === 'trace') makeTrace();
else simulate();
