/**
 * The policy of a connection: when it is dead, and whether to reconnect at once or after a pause. The test controls time and
 * chance.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Connection } from '../../web/core/net/connection.js';

/**
 * Checks ten times a second, as the Worker does.
 *
 * @param {Connection} connection
 * @param {number} fromMs
 * @param {number} untilMs
 * @returns {number | null} when the connection is dead
 */
function deadAt(connection, fromMs, untilMs) {
  for (let nowMs = fromMs; nowMs <= untilMs; nowMs += 100) if (connection.isDead(nowMs)) return nowMs;
  return null;
}

test('who says nothing for five seconds is dead, from the attempt on or from the last word', () => {
  const connection = new Connection();
  connection.begin(1000);
  assert.equal(deadAt(connection, 1000, 5000), null);
  connection.heard(5000);
  assert.equal(deadAt(connection, 5100, 20_000), 10_100);
});

test('a thread that slept has not listened', () => {
  const connection = new Connection();
  connection.begin(0);
  assert.equal(deadAt(connection, 0, 1000), null);
  assert.equal(deadAt(connection, 3_600_000, 3_604_900), null, 'an hour later');
  assert.equal(deadAt(connection, 3_605_000, 3_700_000), 3_605_100);
});

test('between two attempts nobody is dead', () => {
  const connection = new Connection();
  connection.begin(0);
  connection.failed(0);
  assert.equal(deadAt(connection, 0, 60_000), null);
});

test('attempts are made ever more rarely, until a hello comes', () => {
  const connection = new Connection();
  const waits = [];
  for (let attempt = 0; attempt < 6; attempt += 1) {
    connection.begin(attempt);
    waits.push(connection.failed(1));
  }
  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 5000]);
  connection.begin(10);
  connection.greeted(20);
  assert.equal(connection.isGreeted, true);
  assert.equal(connection.failed(1), 250);
  assert.equal(connection.isGreeted, false);
});

test('only a connection that ends in the midst of its use is closed by the other end', () => {
  const connection = new Connection();
  connection.begin(0);
  assert.equal(connection.isAbrupt('gone', 10), false, 'it was never greeted');
  connection.greeted(10);
  connection.heard(5000);
  assert.equal(connection.isAbrupt('gone', 5999), true);
  assert.equal(connection.isAbrupt('gone', 6000), false);
  assert.equal(connection.isAbrupt('refused', 5001), false);
});

test('who is asked to call again does so at once, but not twice within a second, and not unless it was greeted', () => {
  const connection = new Connection();
  connection.begin(0);
  assert.equal(connection.isToBeRenewed('come_again', 5000), false);
  connection.greeted(5000);
  assert.equal(connection.isToBeRenewed('come_again', 5999), false);
  assert.equal(connection.isToBeRenewed('come_again', 6000), true);
  assert.equal(connection.isToBeRenewed('gone', 6000), false);
  assert.equal(connection.isToBeRenewed('refused', 6000), false);
});
