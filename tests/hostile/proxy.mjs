// Acts like a browser at Synthwire behind a real reverse proxy: node proxy.mjs PAGE KEY. PAGE is the page's full address under
// synth.example.org (which is resolved to 127.0.0.1); KEY is the listening key. Prints one line per check.

import https from 'node:https';
import WebSocket from 'ws';

const [, , page, key] = process.argv;
const { origin, pathname } = new URL(page);
const lookup = (_name, options, found) =>
  options.all ? found(null, [{ address: '127.0.0.1', family: 4 }]) : found(null, '127.0.0.1', 4);
const reach = { lookup, rejectUnauthorized: false, agent: false };
const PACKETS = 100;
const PATIENCE_MS = 30_000;

/** @returns {Promise<{status: number, headers: object, body: string}>} */
function ask(path, { method = 'GET', headers = {}, body = '' } = {}) {
  return new Promise((resolve, reject) => {
    const request = https.request(new URL(path, page), { ...reach, method, headers }, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts).toString() }));
    });
    request.setTimeout(PATIENCE_MS, () => request.destroy(new Error('no answer')));
    request.on('error', reject);
    request.end(body);
  });
}

/** The result of a socket: the status of a refusal, or the hello and the number of packets that followed. */
function listen(headers) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(new URL('ws', page).href.replace(/^http/, 'ws'), { ...reach, headers });
    let hello = null;
    let packets = 0;
    const end = setTimeout(() => reject(new Error(`${packets} packets in ${PATIENCE_MS} ms`)), PATIENCE_MS);
    const done = (result) => {
      clearTimeout(end);
      socket.terminate();
      resolve(result);
    };
    socket.on('message', (message, isBinary) => {
      if (!isBinary) hello ??= JSON.parse(message.toString());
      else if (++packets === PACKETS) done({ status: 101, hello, packets });
    });
    socket.on('unexpected-response', (_request, answer) => done({ status: answer.statusCode }));
    socket.on('error', reject);
  });
}

let failed = 0;
async function check(what, holds) {
  let good = false;
  let why = '';
  try {
    good = await holds();
  } catch (error) {
    why = `: ${error}`;
  }
  failed += good ? 0 : 1;
  console.log(`${good ? 'ok' : 'not ok'} ${what}${why}`);
}

const enter = (headers) =>
  ask('api/access/enter', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ purpose: 'listening', key }),
  });
let cookie = '';

await check('the page comes, and is the one that plays', async () => {
  const { status, body } = await ask('');
  return status === 200 && body.includes('type="module"');
});
await check('it finds every file it names', async () => {
  const { body } = await ask('');
  const files = [...body.matchAll(/(?:src|href)="(v\/[^"]+)"/g)].map(([, file]) => file);
  const answers = await Promise.all(files.map((file) => ask(file)));
  return files.length >= 3 && answers.every(({ status }) => status === 200);
});
await check('a file that is known is not sent again', async () => {
  const headers = { 'accept-encoding': 'gzip' };
  const { etag } = (await ask('main.js', { headers })).headers;
  return (await ask('main.js', { headers: { ...headers, 'if-none-match': etag } })).status === 304;
});
await check('without the key there is no status', async () => (await ask('api/status')).status === 401);
await check('a page from elsewhere cannot enter a key', async () => (await enter({ origin: 'https://evil.example' })).status === 403);
await check('the key is taken, and its cookie is for encrypted connections and this prefix', async () => {
  const { status, headers } = await enter({ origin });
  const line = headers['set-cookie']?.[0] ?? '';
  cookie = line.split(';')[0];
  return status === 204 && /; Secure(;|$)/.test(line) && line.includes(`Path=${pathname};`) && line.includes('HttpOnly');
});
await check('with it there is', async () => {
  const { status, body } = await ask('api/status', { headers: { cookie } });
  return status === 200 && JSON.parse(body).source.state === 'playing';
});
await check('the socket plays', async () => {
  const { hello, packets } = await listen({ origin, cookie });
  return hello?.type === 'hello' && packets === PACKETS;
});
await check('not without the key', async () => (await listen({ origin })).status === 401);
await check('not to a page from elsewhere', async () => (await listen({ origin: 'https://evil.example', cookie })).status === 403);
await check('not to a page of the same name by plain http', async () => (await listen({ origin: origin.replace('https', 'http'), cookie })).status === 403);
await check('what a visitor claims to be a proxy said changes nothing', async () => {
  const claims = { 'x-forwarded-proto': 'http', 'x-forwarded-host': 'evil.example', forwarded: 'proto=http;host=evil.example' };
  const { status } = await listen({ origin: 'https://evil.example', cookie, ...claims });
  const { headers } = await enter({ origin, ...claims });
  return status === 403 && /; Secure(;|$)/.test(headers['set-cookie']?.[0] ?? '');
});
process.exit(failed ? 1 : 0);
