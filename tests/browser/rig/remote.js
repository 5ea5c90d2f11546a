/**
 * Remote control of a browser over a WebSocket: numbered commands, their answers, and events.
 *
 * The common part of Chromium's DevTools protocol and WebDriver BiDi. We speak it directly because driver libraries run
 * every script as a user's gesture, which switches off the autoplay rules.
 */

import { EventEmitter } from 'node:events';
import WebSocket from 'ws';

const ANSWER_MS = 60_000;

/** Emits each event by its method's name, with its parameters and its session. */
export class Remote extends EventEmitter {
  #socket;
  #lastId = 0;
  /** @type {Map<number, {resolve: (result: any) => void, reject: (error: Error) => void}>} */
  #asked = new Map();

  /** @param {WebSocket} socket */
  constructor(socket) {
    super();
    this.setMaxListeners(100);
    this.#socket = socket;
    socket.on('message', (text) => this.#heard(JSON.parse(text.toString())));
    socket.on('close', () => this.#closed());
  }

  /** @param {string} url @returns {Promise<Remote>} */
  static connect(url) {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url, { perMessageDeflate: false });
      socket.once('open', () => resolve(new Remote(socket)));
      socket.once('error', reject);
    });
  }

  /**
   * @param {string} method @param {object} [params] @param {string} [sessionId] DevTools only
   * @returns {Promise<any>}
   */
  ask(method, params = {}, sessionId = undefined) {
    if (this.#socket.readyState !== WebSocket.OPEN) return Promise.reject(new Error(`${method}: the browser is gone`));
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`no answer to ${method} ${JSON.stringify(params).slice(0, 200)} in ${ANSWER_MS / 1000} s`)), ANSWER_MS);
      const settled = (/** @type {Function} */ settle) => (/** @type {any} */ value) => {
        clearTimeout(late);
        this.#asked.delete(id);
        settle(value);
      };
      this.#asked.set(id, { resolve: settled(resolve), reject: settled(reject) });
      this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    });
  }

  close() {
    this.#socket.close();
  }

  /** @param {any} message */
  #heard(message) {
    const asked = this.#asked.get(message.id);
    if (!asked) {
      if (message.method) this.emit(message.method, message.params, message.sessionId);
    } else if (message.error) {
      asked.reject(new Error(typeof message.error === 'string' ? `${message.error}: ${message.message}` : message.error.message));
    } else {
      asked.resolve(message.result);
    }
  }

  #closed() {
    for (const { reject } of this.#asked.values()) reject(new Error('the browser closed the connection'));
  }
}
