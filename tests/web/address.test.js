import assert from 'node:assert/strict';
import { test } from 'node:test';
import { socketAddress } from '../../web/link/web_socket_link.js';

test('the socket is beside the page, at the top and below a prefix', () => {
  for (const [page, expected] of [
    ['http://synthwire.local/', 'ws://synthwire.local/ws'],
    ['http://127.0.0.1:8080/index.html', 'ws://127.0.0.1:8080/ws'],
    ['https://synthwire.local/?mode=lowest#x', 'wss://synthwire.local/ws'],
    ['https://[fd00::1]:8443/', 'wss://[fd00::1]:8443/ws'],
    ['https://synth.example.org/synth/', 'wss://synth.example.org/synth/ws'],
    ['https://synth.example.org/a/b/index.html', 'wss://synth.example.org/a/b/ws'],
  ]) {
    assert.equal(socketAddress(page), expected);
  }
  assert.equal(socketAddress('http://synthwire.local'), 'ws://synthwire.local/ws');
});
