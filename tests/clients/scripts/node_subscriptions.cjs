// What npm's `centrifuge` makes of each code that the server has for errors of commands, and for
// the end of a subscription; arguments as for sdk.cjs.
'use strict';
const assert = require('node:assert');
const { randomBytes } = require('node:crypto');
const {
  WebSocket, client, encode, flood, next, outcome, runAll, secs, serve, token, tokens,
} = require('./sdk.cjs');

/** How subscriptions end: topic, options, and what becomes of it. */
const subscriptions = () => ({
  'a topic that no rule allows': ['closed', {}, 'ends', 103],
  'a topic in a namespace that is none': ['kpet:1', { place: 'strict' }, 'ends', 102],
  'a pattern in a namespace that is none': ['kpet:#', { place: 'strict' }, 'ends', 102],
  'a topic that the server has subscribed it to': ['#ann', {}, 'ends', 105],
  'a private topic': ['$private', {}, 'ends', 103],
  'a topic of another user': ['#bob', {}, 'ends', 103],
  'a token that is none': ['news', { token: 'none' }, 'ends', 103],
  'a filter': ['news', { tagsFilter: { key: 'a', cmp: 'eq', val: 'b' } }, 'ends', 107],
  'a name that is too long': ['x'.repeat(300), {}, 'ends', 107],
  'a token that has expired': ['news', {
    getToken: tokens({ sub: 'ann', channel: 'news', exp: secs(-10) },
      { sub: 'ann', channel: 'news' }),
    minResubscribeDelay: 1,
    maxResubscribeDelay: 50,
  }, 'subscribes'],
  'a token that is not valid yet': ['news', {
    getToken: tokens({ sub: 'ann', channel: 'news', nbf: secs(60) },
      { sub: 'ann', channel: 'news' }),
    minResubscribeDelay: 1,
    maxResubscribeDelay: 50,
  }, 'subscribes'],
  'a new token that has expired': ['news', {
    token: token({ sub: 'ann', channel: 'news', exp: secs(8) }),
    getToken: tokens({ sub: 'ann', channel: 'news', exp: secs(-10) }),
  }, 'ends', 110],
  'no new token': ['news', {
    token: token({ sub: 'ann', channel: 'news', exp: secs(8) }),
    getToken: tokens(null, { sub: 'ann', channel: 'news' }),
  }, 'comes back', 2501],
});

async function subscribes(server, kind, name) {
  const [channel, options, end, code] = subscriptions()[name];
  const own = client(server, kind);
  const sub = own.newSubscription(channel, options);
  const became = outcome(sub);
  sub.subscribe();
  own.connect();
  await own.ready();
  if (end === 'subscribes') {
    await sub.ready();
  } else {
    assert.deepStrictEqual(await became, [end, code], name);
  }
  assert.strictEqual(own.state, 'connected', name);
  own.disconnect();
}

/** Commands that are refused; the connection goes on. */
async function refuses(server, kind) {
  const own = client(server, kind);
  own.connect();
  await own.ready();
  for (const [what, code] of [
    [own.rpc('any', encode(kind, 1)), 108],
    [own.history('news', { limit: 1 }), 108],
    [own.presence('news'), 108],
    [own.presenceStats('news'), 108],
    [own.publish('closed', encode(kind, 1)), 103],
    [own.history('closed', { limit: 1 }), 103],
    [own.publish('x'.repeat(300), encode(kind, 1)), 107],
  ]) {
    await assert.rejects(what, { code });
  }
  const map = own.newMapSubscription('news');
  const became = outcome(map);
  map.subscribe();
  assert.deepStrictEqual(await became, ['ends', 108]);
  // The topic of its user is one of 128.
  const subs = Array.from({ length: 127 }, (_, n) => own.newSubscription(`many-${n}`));
  subs.forEach((sub) => sub.subscribe());
  await Promise.all(subs.map((sub) => sub.ready()));
  const more = own.newSubscription('one more');
  const ended = outcome(more);
  more.subscribe();
  assert.deepStrictEqual(await ended, ['ends', 106]);
  assert.strictEqual(own.state, 'connected');
  own.disconnect();
}

/** Commands that come too early: the SDK repeats a subscription, and the application the others. */
async function isTooFast(server, kind) {
  const own = client(server, kind);
  own.connect();
  await own.ready();
  const delays = { minResubscribeDelay: 1, maxResubscribeDelay: 500 };
  const subs = Array.from({ length: 12 }, (_, n) => own.newSubscription(`late-${n}`, delays));
  const errors = new Set();
  for (const sub of subs) sub.on('error', ({ error }) => errors.add(error.code)).subscribe();
  await Promise.all(subs.map((sub) => sub.ready()));
  assert.deepStrictEqual([...errors], [111]);
  const refused = (await flood(own, kind)).filter(({ reason }) => reason);
  assert(refused.length);
  for (const { reason } of refused) assert.strictEqual(reason.code, 111);
  assert.strictEqual(own.state, 'connected');
  own.disconnect();
}

/** A backend ends a subscription of the client, and one that the server has made. */
async function isUnsubscribed(server, kind) {
  const user = `unsubscribed ${kind}`;
  const own = client(server, kind, { token: token({ sub: user, channels: ['given'] }) });
  const sub = own.newSubscription('news');
  const became = outcome(sub);
  const ended = new Promise((resolve) => { own.on('unsubscribed', resolve); });
  sub.subscribe();
  own.connect();
  await sub.ready();
  for (const channel of ['news', 'given']) await server.api('unsubscribe', { user, channel });
  assert.deepStrictEqual(await became, ['ends', 2000]);
  assert.strictEqual((await ended).channel, 'given');
  assert.strictEqual(own.state, 'connected');
  own.disconnect();
}

/** A socket whose client can stop to read. */
function pausable() {
  const sockets = [];
  return {
    pause: () => sockets.at(-1).pause(),
    resume: () => sockets.at(-1).resume(),
    websocket: class extends WebSocket {
      constructor(...args) {
        super(...args);
        sockets.push(this);
      }
    },
  };
}

/** More than the sockets between a server and a client that does not read take. */
async function fill(server, channel) {
  // It cannot be compressed.
  const data = randomBytes(45_000).toString('base64');
  for (let n = 0; n < 30; n += 1) {
    const publish = { channel, data };
    const commands = Array(10).fill({ publish });
    await server.api('batch', { commands });
  }
}

/**
 * A client does not read while more is published than its topic keeps: it is told so, and goes on
 * from where the topic is. `of`: what is told, the client or its subscription.
 */
async function loses(server, kind, isOfServer) {
  const channel = `small:lost-${kind}-${isOfServer}`;
  const { pause, resume, websocket } = pausable();
  const channels = isOfServer ? [channel] : [];
  const own = client(server, kind, { websocket, token: token({ sub: channel, channels }) });
  const sub = isOfServer ? own : own.newSubscription(channel);
  const subscriptions = [];
  const offsets = [];
  const is = (it) => it.channel === channel;
  sub.on('subscribed', (it) => { if (is(it)) subscriptions.push(it); });
  sub.on('publication', (it) => { if (is(it)) offsets.push(it.offset); });
  const became = outcome(sub);
  if (!isOfServer) sub.subscribe();
  own.connect();
  await sub.ready();
  pause();
  await fill(server, channel);
  resume();
  const told = isOfServer ? ['comes back', 3010] : ['comes back', 2500];
  assert.deepStrictEqual(await became, told);
  while (subscriptions.length < 2) await next(sub, 'subscribed');
  const [first, again] = subscriptions;
  assert.deepStrictEqual([again.wasRecovering, again.recovered], [true, false]);
  assert.strictEqual(again.streamPosition.epoch, first.streamPosition.epoch);
  // It had the first ones, and none between.
  assert.deepStrictEqual(offsets, offsets.map((_, index) => index + 1));
  assert(offsets.length < 300);
  assert.strictEqual(again.streamPosition.offset, 300);
  const more = next(sub, 'publication');
  await server.api('publish', { channel, data: 1 });
  assert.strictEqual((await more).offset, 301);
  own.disconnect();
}

/** The same where the connection ends that is too slow. */
async function isTooSlow(server, kind) {
  const { pause, resume, websocket } = pausable();
  const user = `slow ${kind}`;
  const own = client(server, kind, { websocket, token: token({ sub: user }) });
  const sub = own.newSubscription(user);
  const became = outcome(own);
  sub.subscribe();
  own.connect();
  await sub.ready();
  pause();
  await fill(server, user);
  resume();
  assert.deepStrictEqual(await became, ['comes back', 3008]);
  own.disconnect();
}

(async () => {
  const server = await serve();
  const places = { strict: await serve({ CORECAST_TOPICS_REQUIRE_NAMESPACE: 'true' }) };
  const dropping = await serve({
    CORECAST_LIMITS_MESSAGE_RATE: '2/s', CORECAST_LIMITS_BEYOND_RATE: 'drop',
  });
  const narrow = await serve({ CORECAST_LIMITS_LOG: '256KiB' });
  const strict = await serve({
    CORECAST_LIMITS_LOG: '256KiB', CORECAST_TOPICS_SLOW_CONSUMER: 'disconnect',
  });
  const tests = {};
  for (const kind of ['json', 'protobuf']) {
    for (const [name, [, options]] of Object.entries(subscriptions())) {
      const place = places[options.place] ?? server;
      tests[`subscribes ${kind}: ${name}`] = () => subscribes(place, kind, name);
    }
    tests[`refuses ${kind}`] = () => refuses(server, kind);
    tests[`isTooFast ${kind}`] = () => isTooFast(dropping, kind);
    tests[`isUnsubscribed ${kind}`] = () => isUnsubscribed(server, kind);
    for (const isOfServer of [false, true]) {
      tests[`loses ${kind} of server: ${isOfServer}`] = () => loses(narrow, kind, isOfServer);
    }
    tests[`isTooSlow ${kind}`] = () => isTooSlow(strict, kind);
  }
  await runAll(tests);
})();
