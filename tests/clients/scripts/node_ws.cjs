// Node's `ws` as a subscriber and a publisher. Arguments: the folder of its package, the server's
// base URL (ws:// or wss://), and whether to offer compression (deflate or plain).
'use strict';
const assert = require('node:assert');
const { once } = require('node:events');
const { randomBytes } = require('node:crypto');

const [folder, base, compression] = process.argv.slice(2);
const { WebSocket } = require(`${folder}/ws`);
const options = { perMessageDeflate: compression === 'deflate' };
const expected = compression === 'deflate' ? 'permessage-deflate' : '';

async function open(path, protocols = []) {
  const socket = new WebSocket(base + path, protocols, options);
  await once(socket, 'open');
  assert.strictEqual(socket.extensions, expected);
  return socket;
}

async function delivers() {
  const subscriber = await open('/sub/node', ['chat', 'other']);
  assert.strictEqual(subscriber.protocol, 'chat');
  const publisher = await open('/pub/node');
  const reading = JSON.stringify({ sensor: 's-1', level: 17, ok: true });
  const messages = ['hello', '', 'grüße ☃ 🦀', reading.repeat(2000), randomBytes(300),
    randomBytes(200_000), Buffer.alloc(0), 'last'];
  const got = [];
  const all = new Promise((resolve) => {
    subscriber.on('message', (data, isBinary) => {
      got.push(isBinary ? data : data.toString());
      if (got.length === messages.length) resolve();
    });
  });
  messages.forEach((message) => publisher.send(message));
  await all;
  assert.deepStrictEqual(got, messages);

  const ponged = once(subscriber, 'pong');
  subscriber.ping('are you there');
  assert.strictEqual((await ponged)[0].toString(), 'are you there');

  for (const socket of [subscriber, publisher]) {
    const closed = once(socket, 'close');
    socket.close(1000, 'bye');
    assert.strictEqual((await closed)[0], 1000);
  }
}

async function echoes() {
  const socket = await open('/echo');
  for (const message of ['x'.repeat(70_000), randomBytes(70_000), 'short']) {
    const answer = once(socket, 'message');
    socket.send(message, { fin: false });
    socket.send('', { fin: true });
    const [data, isBinary] = await answer;
    assert.deepStrictEqual(isBinary ? data : data.toString(), message);
  }
  socket.terminate();
}

async function isRefused() {
  const lost = new WebSocket(`${base}/nowhere`, options);
  const [, response] = await once(lost, 'unexpected-response');
  assert.strictEqual(response.statusCode, 404);
  lost.on('error', () => {});
  lost.terminate();

  const listener = await open('/sub/node');
  const closed = once(listener, 'close');
  listener.send('I must not');
  const [code, reason] = await closed;
  assert.strictEqual(code, 1008);
  assert.match(reason.toString(), /only receives/);
}

(async () => {
  await delivers();
  await echoes();
  await isRefused();
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
