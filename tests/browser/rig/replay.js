/**
 * A service that replays a trace: the page as it ships, and a socket that delivers each packet at the time the trace gives. In:
 * packets of a trace (tests/web/sim/trace.js). Out: an address to open. A real service behind it serves the page's own files.
 */

import { createServer, request } from 'node:http';
import { once } from 'node:events';
import { WebSocketServer } from 'ws';
import { watchOf } from './thread_watch.js';
import { audio, message, returning } from '../../web/sim/records.js';
import { nowNs } from './watchdog.js';

const NS_PER_MS = 1e6;
/** A packet may be sent at most this much before its time in the trace: the grain of a timer. */
const EARLY_MS = 0.5;
/** Time between the opening of the page's socket and the start of the trace, so that no packet is late at the start. */
const LEAD_IN_MS = 200;

export class Replay {
  #server;
  #packets;
  #packetFrames;
  /** The samples are those of the simulation, because the place of a splice depends on the sound. */
  #sampleAt;
  /** When the trace began on this machine's clock. @type {number | null} */
  #beganNs = null;

  /** @param {import('../../web/sim/trace.js').TracePacket[]} packets in the order of arrival @param {number} packetFrames @param {URL} behind */
  constructor(packets, packetFrames, behind) {
    this.#packets = packets;
    this.#packetFrames = packetFrames;
    this.#sampleAt = returning(packetFrames);
    this.#server = createServer((asked, answer) => {
      const headers = { ...asked.headers, 'accept-encoding': 'identity' };
      const onward = request(new URL(asked.url ?? '/', behind), { method: asked.method, headers }, (given) => {
        const watch = watchOf(asked.url ?? '/');
        if (watch !== null) return void serveAfter(watch, given, answer);
        answer.writeHead(given.statusCode ?? 502, given.headers);
        given.pipe(answer);
      });
      onward.on('error', () => answer.destroy());
      asked.pipe(onward);
    });
    new WebSocketServer({ server: this.#server, path: '/ws', perMessageDeflate: false }).on('connection', (socket) => this.#play(socket));
  }

  /** @returns {Promise<URL>} */
  async open() {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const { port } = /** @type {import('node:net').AddressInfo} */ (this.#server.address());
    return new URL(`http://127.0.0.1:${port}/`);
  }

  close() {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** @param {import('ws').WebSocket} socket */
  #play(socket) {
    socket.send(JSON.stringify(hello(this.#packetFrames)));
    socket.on('message', (text) => {
      const receivedNs = nowNs();
      const said = JSON.parse(String(text));
      if (said.type === 'ping') socket.send(JSON.stringify({ type: 'pong', id: said.id, received_ns: receivedNs, sent_ns: nowNs() }));
    });
    this.#beganNs = nowNs() + LEAD_IN_MS * NS_PER_MS;
    this.#sendFrom(socket, 0);
  }

  /** @param {import('ws').WebSocket} socket @param {number} first */
  #sendFrom(socket, first) {
    if (socket.readyState !== socket.OPEN) return;
    const began = /** @type {number} */ (this.#beganNs);
    const traceMs = (nowNs() - began) / NS_PER_MS;
    let next = first;
    for (; next < this.#packets.length && /** @type {any} */ (this.#packets[next]).arrival_ms - EARLY_MS <= traceMs; next += 1) {
      const { frame_index: frameIndex, capture_ms: captureMs } = /** @type {import('../../web/sim/trace.js').TracePacket} */ (this.#packets[next]);
      const bytes = message(audio({ seq: next, frameIndex, frames: this.#packetFrames, sampleAt: this.#sampleAt }));
      new DataView(bytes).setBigUint64(24, BigInt(Math.round(began + captureMs * NS_PER_MS)), true);
      socket.send(bytes);
    }
    if (next < this.#packets.length) setTimeout(() => this.#sendFrom(socket, next), 1);
  }
}

/** @param {string} watch @param {import('node:http').IncomingMessage} given @param {import('node:http').ServerResponse} answer */
async function serveAfter(watch, given, answer) {
  let source = '';
  for await (const part of given.setEncoding('utf8')) source += part;
  const { 'content-length': _length, 'content-encoding': _coding, etag: _etag, ...headers } = given.headers;
  answer.writeHead(given.statusCode ?? 502, headers).end(watch + source);
}

/** @param {number} frames */
function hello(frames) {
  const source = { kind: 'test', state: 'playing', name: 'Trace', channels: 2, first_channel: 1, notice: '' };
  return { type: 'hello', wire_version: 1, server_version: 'replay', format: 's16le', rate_hz: 44_100, channels: 2, period_frames: frames, chunk_frames: frames, source };
}
