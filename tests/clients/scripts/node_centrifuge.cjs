// npm's `centrifuge` does all that it can, in both formats; arguments as for sdk.cjs.
'use strict';
const assert = require('node:assert');
const {
  TRANSPORTS, WebSocket, client, decode, encode, next, runAll, secs, serve, token,
} = require('./sdk.cjs');

/** Sockets that a test can cut. */
function cuttable() {
  const sockets = [];
  return {
    cut: () => sockets.pop().terminate(),
    websocket: class extends WebSocket {
      constructor(...args) {
        super(...args);
        sockets.push(this);
      }
    },
  };
}

/** A client that has connected, with a subscription that is live. */
async function subscribed(server, kind, channel, options = {}) {
  const own = client(server, kind, options);
  const sub = own.newSubscription(channel);
  sub.got = [];
  sub.on('publication', ({ data }) => sub.got.push(decode(kind, data)));
  sub.subscribe();
  own.connect();
  await sub.ready();
  return { own, sub };
}

/** Until a subscription has got so many messages. */
async function got(sub, count) {
  while (sub.got.length < count) await next(sub, 'publication');
  return sub.got;
}

async function talks(server, kind, options) {
  const channel = `kept:talk-${kind}-${options.over}`;
  const info = { name: 'Ann Øst' };
  const { own, sub } = await subscribed(server, kind, channel, {
    ...options, token: token({ sub: 'ann', info }),
  });
  const connected = own._client;
  const first = next(sub, 'publication');
  await sub.publish(encode(kind, { text: 'grüße\n☃' }));
  const publication = await first;
  assert.deepStrictEqual(decode(kind, publication.data), { text: 'grüße\n☃' });
  assert.strictEqual(publication.offset, 1);
  assert.strictEqual(publication.info.user, 'ann');
  assert.strictEqual(publication.info.client, connected);
  assert.deepStrictEqual(decode(kind, publication.info.connInfo), info);
  for (const number of [2, 3]) await own.publish(channel, encode(kind, number));
  assert.deepStrictEqual((await got(sub, 3)).slice(1), [2, 3]);

  const page = await sub.history({ limit: 2 });
  assert.deepStrictEqual(page.publications.map((it) => it.offset), [1, 2]);
  assert.strictEqual(page.offset, 3);
  const since = { offset: 2, epoch: page.epoch };
  const rest = await own.history(channel, { limit: 10, since });
  assert.deepStrictEqual(rest.publications.map((it) => decode(kind, it.data)), [3]);
  const last = await sub.history({ limit: 1, reverse: true });
  assert.deepStrictEqual(last.publications.map((it) => it.offset), [3]);
  await assert.rejects(sub.history({ limit: 1, since: { offset: 1, epoch: 'other' } }),
    { code: 112 });

  const joined = next(sub, 'join');
  const left = next(sub, 'leave');
  const other = await subscribed(server, kind, channel, { token: token({ sub: 'bob' }) });
  assert.strictEqual((await joined).info.user, 'bob');
  const { clients } = await sub.presence();
  assert.deepStrictEqual(Object.values(clients).map((it) => it.user).sort(), ['ann', 'bob']);
  assert.deepStrictEqual(decode(kind, clients[connected].connInfo), info);
  assert.deepStrictEqual(await sub.presenceStats(), { numClients: 2, numUsers: 2 });
  other.own.disconnect();
  assert.strictEqual((await left).info.user, 'bob');

  const ended = next(sub, 'unsubscribed');
  sub.unsubscribe();
  assert.strictEqual((await ended).code, 0);
  await own.publish(channel, encode(kind, 4));
  const again = next(sub, 'subscribed');
  sub.subscribe();
  const { recovered, wasRecovering } = await again;
  assert.deepStrictEqual([wasRecovering, recovered], [true, true]);
  assert.strictEqual((await got(sub, 4)).at(-1), 4);
  own.disconnect();
}

/** Whatever is published while it is away, a client gets all of it, once and in order. */
async function recovers(server, kind) {
  const channel = `kept:recover-${kind}`;
  const link = cuttable();
  const { sub } = await subscribed(server, kind, channel, { websocket: link.websocket });
  const { own: publisher } = await subscribed(server, kind, channel);
  const expected = [];
  for (let round = 0; round < 5; round += 1) {
    const again = next(sub, 'subscribed');
    link.cut();
    for (let number = 0; number < 15; number += 1) {
      expected.push(expected.length);
      await publisher.publish(channel, encode(kind, expected.at(-1)));
    }
    const { recovered, wasRecovering } = await again;
    assert.deepStrictEqual([wasRecovering, recovered], [true, true]);
  }
  assert.deepStrictEqual(await got(sub, expected.length), expected);
}

/** A message that resembles those with other numbers. */
const similar = (n) => ({ n, text: 'zwölf Boxkämpfer "jagen"\n☃ \\ '.repeat(20) });

/** What changes is sent, and a client has what was published. */
async function readsDeltas(server, kind, options) {
  const channel = `delta:${kind}-${options.over}`;
  const link = cuttable();
  const own = client(server, kind, { websocket: link.websocket, ...options });
  const sub = own.newSubscription(channel, { delta: 'fossil' });
  sub.got = [];
  sub.on('publication', ({ data }) => sub.got.push(decode(kind, data)));
  const expected = [];
  const publish = async (count) => {
    for (let number = 0; number < count; number += 1) {
      expected.push(similar(expected.length));
      await server.api('publish', { channel, data: expected.at(-1) });
    }
  };
  sub.subscribe();
  own.connect();
  await sub.ready();
  await publish(5);
  assert.deepStrictEqual(await got(sub, 5), expected);
  const { numFullPayloads, numDeltaPayloads, compressionRatio } = sub.deltaStats();
  assert.deepStrictEqual([numFullPayloads, numDeltaPayloads], [1, 4]);
  assert(0.7 < compressionRatio, compressionRatio);
  for (let round = 0; round < 3; round += 1) {
    const again = next(sub, 'subscribed');
    const isCut = options.over === 'websocket';
    if (isCut) link.cut();
    else own.disconnect();
    await publish(4);
    if (!isCut) own.connect();
    assert.strictEqual((await again).recovered, true);
    await publish(3);
    assert.deepStrictEqual(await got(sub, expected.length), expected);
  }
  assert(4 < sub.deltaStats().numDeltaPayloads);
  own.disconnect();
}

/** What is not there any more is told. */
async function losesWhatIsGone(server, kind) {
  const channel = `small:${kind}`;
  const { own, sub } = await subscribed(server, kind, channel);
  const { own: publisher } = await subscribed(server, kind, channel);
  own.disconnect();
  for (let number = 1; number <= 5; number += 1) {
    await publisher.publish(channel, encode(kind, number));
  }
  const again = next(sub, 'subscribed');
  own.connect();
  const { recovered, wasRecovering } = await again;
  assert.deepStrictEqual([wasRecovering, recovered], [true, false]);
  await publisher.publish(channel, encode(kind, 6));
  assert.deepStrictEqual((await got(sub, 1)).at(-1), 6);
}

/** Tokens of a client and of a subscription are renewed before they end. */
async function renews(server, kind) {
  let [ofClient, ofSub] = [0, 0];
  const channel = `kept:renew-${kind}`;
  const own = client(server, kind, {
    token: token({ sub: 'ann', exp: secs(2) }),
    getToken: async () => token({ sub: 'ann', exp: secs(ofClient++ ? 600 : 2) }),
  });
  const renewed = async () => token({ sub: 'ann', channel, exp: secs(ofSub++ < 2 ? 2 : 600) });
  const sub = own.newSubscription(channel, { getToken: renewed });
  const states = [];
  own.on('state', ({ newState }) => states.push(newState));
  sub.on('state', ({ newState }) => states.push(newState));
  sub.subscribe();
  own.connect();
  await sub.ready();
  while (ofClient < 2 || ofSub < 3) await new Promise((resolve) => { setTimeout(resolve, 50); });
  // Behind the last renewal.
  await sub.publish(encode(kind, 'still there'));
  assert.deepStrictEqual(states, ['subscribing', 'connecting', 'connected', 'subscribed']);
}

/** A pattern has the messages of all topics that match, and each says which one it is of. */
async function followsAPattern(server, kind) {
  const frames = [];
  const websocket = class extends WebSocket {
    constructor(...args) {
      super(...args);
      this.on('message', (data) => frames.push(Buffer.from(data)));
    }
  };
  const name = (topic) => `sensor-${kind}:${topic}`;
  const { own, sub } = await subscribed(server, kind, name('+/temp'), { websocket });
  for (const [topic, number] of [['7/temp', 1], ['7/wind', 2], ['8/temp', 3]]) {
    await own.publish(name(topic), encode(kind, number));
  }
  assert.deepStrictEqual((await got(sub, 2)).sort(), [1, 3]);
  // The SDK does not show it.
  const wire = Buffer.concat(frames).toString('latin1');
  const named = ['7/temp', '7/wind', '8/temp'].map((topic) => wire.includes(name(topic)));
  assert.deepStrictEqual(named, [true, false, true]);
  await assert.rejects(sub.history({ limit: 1 }), { code: 108 });
  await assert.rejects(sub.presence(), { code: 108 });
  await assert.rejects(sub.publish(encode(kind, 4)), { code: 108 });
  sub.unsubscribe();
  await own.publish(name('7/temp'), encode(kind, 5));
  const again = next(sub, 'subscribed');
  sub.subscribe();
  assert.deepStrictEqual((await again).recoverable, false);
  await own.publish(name('8/temp'), encode(kind, 6));
  assert.strictEqual((await got(sub, 3)).at(-1), 6);
  const denied = own.newSubscription('+');
  denied.subscribe();
  const { code } = await next(denied, 'unsubscribed');
  assert.strictEqual(code, 103, 'a rule denies one of its topics');
  own.disconnect();
}

/** The server subscribes each user to a topic of its own. */
async function isSubscribedByTheServer(server, kind) {
  const own = client(server, kind, { token: token({ sub: kind, channels: ['kept:by-token'] }) });
  const channels = [];
  own.on('subscribed', ({ channel }) => channels.push(channel));
  const publication = next(own, 'publication');
  own.connect();
  await own.ready();
  await own.publish(`#${kind}`, encode(kind, 'to me'));
  const { channel, data } = await publication;
  assert.deepStrictEqual([channel, decode(kind, data)], [`#${kind}`, 'to me']);
  assert.deepStrictEqual(channels.sort(), [`#${kind}`, 'kept:by-token']);
}

(async () => {
  const server = await serve();
  const tests = {};
  for (const kind of ['json', 'protobuf']) {
    for (const over of TRANSPORTS[kind]) {
      tests[`talks ${kind} over ${over}`] = () => talks(server, kind, { over });
      tests[`readsDeltas ${kind} over ${over}`] = () => readsDeltas(server, kind, { over });
    }
    const others = [
      recovers, losesWhatIsGone, renews, followsAPattern, isSubscribedByTheServer,
    ];
    for (const test of others) {
      tests[`${test.name} ${kind}`] = () => test(server, kind);
    }
  }
  await runAll(tests);
})();
