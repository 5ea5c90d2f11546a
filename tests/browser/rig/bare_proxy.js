/**
 * A reverse proxy as users often put one in front of a service: it passes on everything except the two headers that isolate a
 * page. Behind it no browser shares memory between threads.
 */

import { createServer, request } from 'node:http';
import { once } from 'node:events';

const ISOLATING = ['cross-origin-opener-policy', 'cross-origin-embedder-policy'];

export class BareProxy {
  /** @param {import('node:http').Server} server */
  constructor(server) {
    this.#server = server;
    const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
    this.address = new URL(`http://127.0.0.1:${port}/`);
  }

  #server;

  /** @param {URL} behind @returns {Promise<BareProxy>} */
  static async start(behind) {
    const server = createServer((asked, answer) => passOn(asked, answer, behind));
    server.on('upgrade', (asked, socket, head) => passSocketOn(asked, socket, head, behind));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new BareProxy(server);
  }

  close() {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

/** @param {import('node:http').IncomingMessage} asked @param {URL} behind */
function forward({ method, url, headers }, behind) {
  return request({ host: behind.hostname, port: behind.port, method, path: url, headers });
}

/** @param {import('node:http').IncomingMessage} asked @param {import('node:http').ServerResponse} answer @param {URL} behind */
function passOn(asked, answer, behind) {
  const onward = forward(asked, behind);
  onward.on('response', (given) => {
    const headers = { ...given.headers };
    for (const name of ISOLATING) delete headers[name];
    answer.writeHead(given.statusCode ?? 502, headers);
    given.pipe(answer);
  });
  onward.on('error', () => answer.destroy());
  asked.pipe(onward);
}

/** @param {import('node:http').IncomingMessage} asked @param {import('node:stream').Duplex} socket @param {Buffer} head @param {URL} behind */
function passSocketOn(asked, socket, head, behind) {
  const onward = forward(asked, behind);
  onward.on('upgrade', (given, inner, innerHead) => {
    inner.setNoDelay(true);
    /** @type {import('node:net').Socket} */ (socket).setNoDelay(true);
    const lines = given.rawHeaders.reduce((text, word, at) => text + word + (at % 2 === 0 ? ': ' : '\r\n'), '');
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines}\r\n`);
    socket.write(innerHead);
    inner.write(head);
    inner.pipe(socket).pipe(inner);
    inner.on('error', () => socket.destroy());
    inner.on('close', () => socket.destroy());
    socket.on('close', () => inner.destroy());
  });
  onward.on('error', () => socket.destroy());
  socket.on('error', () => onward.destroy());
  onward.end();
}
