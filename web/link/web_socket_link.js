/**
 * A link carries sound and texts between the Worker and the service. This link is a WebSocket.
 *
 * In: an address, messages to send. Out: sound and texts as they arrive, and how the link ended. Elsewhere: the meaning of a
 * message (core/net/), and when to reconnect (core/net/connection.js). Only this folder knows a transport.
 */

/** Close codes with which a service refuses a listener, as opposed to being gone (RFC 6455, 7.4.1). */
const REFUSING_CODES = new Set([1002, 1003, 1007, 1008, 1009, 1013]);
/** The service continues with a stream of another rate; listeners reconnect at once. */
const COME_AGAIN_CODE = 1012;
/** The service stops (RFC 6455, 7.4.1: "going away"). */
const STOPPING_CODE = 1001;

/**
 * @typedef {object} LinkEvents
 * @property {() => void} onOpen messages can be sent from now on
 * @property {(message: ArrayBuffer) => void} onSound
 * @property {(text: string) => void} onText
 * @property {(ending: import('../core/net/connection.js').Ending, words: string) => void} onEnd by the other side or the network; not called for close()
 */

export class WebSocketLink {
  #events;
  /** @type {WebSocket | null} */
  #socket = null;

  /** @param {LinkEvents} events */
  constructor(events) {
    this.#events = events;
  }

  /** @param {string} serviceUrl */
  open(serviceUrl) {
    const socket = new WebSocket(socketAddress(serviceUrl));
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    socket.onopen = () => this.#events.onOpen();
    socket.onmessage = ({ data }) => (typeof data === 'string' ? this.#events.onText(data) : this.#events.onSound(data));
    socket.onclose = ({ code, reason }) => this.#events.onEnd(endingOf(code), reason);
  }

  /** @returns {boolean} whether messages can be sent */
  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** @param {import('../core/net/messages.js').ListenerMessage} message */
  say(message) {
    this.#socket?.send(JSON.stringify(message));
  }

  /** No event follows. */
  close() {
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
}

/**
 * The socket is beside the page, even behind a reverse proxy.
 *
 * @param {string} serviceUrl of the page, or of any file beside it
 */
export function socketAddress(serviceUrl) {
  const address = new URL('ws', serviceUrl);
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
  return address.href;
}

/** @param {number} code @returns {import('../core/net/connection.js').Ending} */
function endingOf(code) {
  if (code === COME_AGAIN_CODE) return 'come_again';
  if (code === STOPPING_CODE) return 'stopping';
  return REFUSING_CODES.has(code) ? 'refused' : 'gone';
}
