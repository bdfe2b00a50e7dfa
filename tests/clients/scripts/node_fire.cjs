// Clients of npm's `centrifuge` that are cut at random, and what each was told, in its order.
// Arguments: the folder of packages, the address of the server, a number for chance, how many
// clients, and the topics with how many messages each keeps, as JSON. Its lines are JSON: `null`
// when all have subscribed, each message of those clients that are never cut, one for each topic,
// and at the end what each client was told. A client ends when it has all up to the position of its
// topic that comes on the standard input.
'use strict';
const net = require('node:net');
const { createInterface } = require('node:readline');
const { TRANSPORTS, at, client, decode, next } = require('./sdk.cjs');

const server = at(process.argv[3]);
const [seed, count] = process.argv.slice(4, 6).map(Number);
const topics = JSON.parse(process.argv[6]);
const [host, port] = server.address.split(':');

/** Numbers by chance, the same for the same seed (mulberry32). */
function chance(start) {
  let state = start >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const write = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

/** What is to be cut of each client, by its number, and what waits to be let through. */
const links = new Map();
const held = new Map();
/** Messages of each topic that a client has which is never cut. */
const heard = new Map();

const letThrough = (isDue) => {
  for (const [number, { go, topic, until }] of held) {
    if (isDue || (go && until <= (heard.get(topic) ?? 0))) {
      held.delete(number);
      go?.();
    }
  }
};

/** Passes connections on. The first bytes of one name its client, if it has a stream. */
const relay = net.createServer((near) => {
  near.on('error', () => {});
  near.once('data', (head) => {
    near.pause();
    const number = /client=(\d+)/.exec(head.toString('latin1', 0, 300))?.[1];
    const go = () => {
      if (near.destroyed) return;
      const far = net.connect(port, host);
      far.on('error', () => near.destroy());
      near.on('close', () => far.destroy());
      far.write(head);
      near.pipe(far).pipe(near);
    };
    if (number) links.set(number, near);
    const hold = held.get(number);
    if (hold) hold.go = go;
    else go();
  });
});

/** One client, until it is at the end of its topic. */
async function play(number, isSteady, through) {
  const random = chance(seed * 10_007 + number);
  const [topic, kept] = topics[number % topics.length];
  const kinds = Object.entries(TRANSPORTS);
  const all = kinds.flatMap(([kind, overs]) => overs.map((over) => [kind, over]));
  const [kind, over] = all[Math.floor(number / topics.length) % all.length];
  const query = `?client=${number}`;
  const own = client(at(through), kind, { over, query, timeout: 60_000 });
  const sub = own.newSubscription(topic, { minResubscribeDelay: 1, maxResubscribeDelay: 50 });
  const told = [];
  const here = {};
  let cuts = 0;
  let left = random(120);
  let end;
  let finish;
  const isOver = new Promise((resolve) => { finish = resolve; });
  const check = () => {
    if (isSteady) write({ steady: topic, epoch: here.epoch, offset: here.offset });
    if (end && end.epoch === here.epoch && end.offset === here.offset) finish();
  };
  sub.on('subscribed', ({ wasRecovering, recovered, streamPosition }) => {
    const { epoch, offset } = streamPosition;
    told.push([wasRecovering, recovered, epoch, offset]);
    if (!recovered) Object.assign(here, { epoch, offset });
    check();
  });
  sub.on('publication', ({ data, offset }) => {
    told.push([offset, decode(kind, data).slice(0, 2).join('.')]);
    here.offset = offset;
    if (isSteady) {
      heard.set(topic, (heard.get(topic) ?? 0) + 1);
      letThrough(false);
    } else if (left === 0) {
      left = random(120);
      cuts += 1;
      // Some are away for so long that a small history has not kept what they miss.
      const until = (heard.get(topic) ?? 0) + 2 * Math.min(kept, 100);
      if (!end && random(3) === 0) held.set(`${number}`, { topic, until });
      const link = links.get(`${number}`);
      if (random(2)) link?.destroy();
      else link?.resetAndDestroy();
    } else {
      left -= 1;
    }
    check();
  });
  sub.subscribe();
  own.connect();
  const ended = (ends) => { end = ends[topic]; check(); };
  return {
    ended,
    ready: () => (told.length ? null : next(sub, 'subscribed')),
    async result() {
      await isOver;
      own.disconnect();
      return { topic, kind, over, steady: isSteady, cuts, told };
    },
  };
}

relay.listen(0, '127.0.0.1', async () => {
  const through = `127.0.0.1:${relay.address().port}`;
  const clients = [];
  for (let number = 0; number < count; number += 1) {
    const isSteady = number < topics.length;
    clients.push(await play(number, isSteady, isSteady ? server.address : through));
  }
  await Promise.all(clients.map((it) => it.ready()));
  write(null);
  createInterface({ input: process.stdin }).once('line', (line) => {
    letThrough(true);
    clients.forEach((it) => it.ended(JSON.parse(line)));
  });
  for (const it of clients) write(await it.result());
  // When all of it is written.
  process.stdout.write('', () => process.exit(0));
});
