// What npm's `centrifuge` makes of each code that the server has for errors, for the end of a
// subscription and of a connection; arguments as for sdk.cjs.
'use strict';
const assert = require('node:assert');
const {
  TRANSPORTS, WebSocket, client, encode, outcome, runAll, secs, serve, token,
} = require('./sdk.cjs');

const never = () => new Promise(() => {});

/** A socket whose client's messages are changed on their way; `null`: they are lost. */
const changed = (change) => class extends WebSocket {
  send(data) {
    const sent = change(data);
    if (sent !== null) super.send(sent);
  }
};

const isPong = (data) => data === '{}' || (data.length === 1 && data[0] === 0);

/** Tokens one after the other, the last of them again and again. */
function tokens(...claims) {
  return async () => {
    const now = claims.length > 1 ? claims.shift() : claims[0];
    return now === null ? never() : token(now);
  };
}

/**
 * How connections end: the options of the client, what becomes of it, and what it does before. A
 * function, as tokens end some time after it is called.
 */
const ends = () => ({
  'no token': [{ token: '' }, 'ends', 3501],
  'a token that is none': [{ token: 'none' }, 'ends', 3500],
  'a token of nobody': [{ token: token({}) }, 'ends', 3507],
  'as many topics in the token as there may be, and that of the user': [
    { token: token({ sub: 'ann', channels: Array.from({ length: 128 }, (_, n) => `${n}`) }) },
    'ends', 3505],
  'a token that has expired': [{
    token: token({ sub: 'ann', exp: secs(-10) }), getToken: tokens({ sub: 'ann' }),
  }, 'connects'],
  'a token that has expired and no other': [
    { token: token({ sub: 'ann', exp: secs(-10) }) }, 'ends', 1],
  'a new token that has expired': [{
    token: token({ sub: 'ann', exp: secs(4) }),
    getToken: tokens({ sub: 'ann', exp: secs(-10) }, { sub: 'ann' }),
  }, 'comes back', 3005],
  'no new token': [{
    token: token({ sub: 'ann', exp: secs(4) }), getToken: tokens(null, { sub: 'ann' }),
  }, 'comes back', 3005],
  'a new token of another user': [{
    token: token({ sub: 'ann', exp: secs(4) }), getToken: tokens({ sub: 'bob' }),
  }, 'ends', 3500],
  'a new token with other topics': [{
    token: token({ sub: 'ann', exp: secs(4), channels: ['a'] }),
    getToken: tokens({ sub: 'ann', channels: ['b'] }),
  }, 'comes back', 3010],
  'a send, which nobody takes': [{}, 'ends', 3508, (it, kind) => it.send(encode(kind, 1))],
  // As a request it is more than a client may have waiting.
  'a message that is too long': [
    { overHttp: ['comes back', 3013] }, 'ends', 3,
    (it, kind) => it.publish('news', encode(kind, 'x'.repeat(70_000)))],
  'no pong': [{
    websocket: changed((data) => (isPong(data) ? null : data)), place: 'pinging',
  }, 'comes back', 3012],
  'no command': [{ websocket: changed(() => null), timeout: 60_000, place: 'hasty' },
    'ends', 3502],
  'a first command that is not connect': [
    { websocket: changed(() => '{"id":1,"rpc":{}}'), kind: 'json' }, 'ends', 3501],
  ...Object.fromEntries([[undefined, 'ends'], [4000, 'comes back'], [4500, 'ends']].map(byApi)),
});

/** Codes of the application and the server's own, by the API. */
function byApi([code, end]) {
  const act = (it, kind, server, user) => {
    server.api('disconnect', { user, disconnect: code && { code, reason: 'go' } });
  };
  return [`/api/disconnect ${code}`, [{}, end, code ?? 3503, act]];
}

async function closes(server, kind, name, over) {
  const [options, end, code, act] = ends()[name];
  const expected = (over !== 'websocket' && options.overHttp) || [end, code];
  const user = `${name} ${kind} ${over}`;
  const own = client(server, kind, {
    over, ...(act && { token: token({ sub: user }) }), ...options,
  });
  const became = outcome(own);
  own.connect();
  if (end === 'connects') return own.ready();
  if (act) {
    await own.ready();
    // What it does may fail as the connection ends.
    Promise.resolve(act(own, kind, server, user)).catch(() => {});
  }
  assert.deepStrictEqual(await became, expected, name);
  return own.disconnect();
}

/** How subscriptions end: topic, options, and what becomes of it. */
const subscriptions = () => ({
  'a topic that no rule allows': ['closed', {}, 'ends', 103],
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
  'a new token that has expired': ['news', {
    token: token({ sub: 'ann', channel: 'news', exp: secs(4) }),
    getToken: tokens({ sub: 'ann', channel: 'news', exp: secs(-10) }),
  }, 'ends', 110],
  'no new token': ['news', {
    token: token({ sub: 'ann', channel: 'news', exp: secs(4) }),
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

/** A second connection of a user that may have one. */
async function isOneTooMany(server, kind) {
  const one = () => client(server, kind, { token: token({ sub: kind }) });
  const [first, second] = [one(), one()];
  const became = outcome(first);
  first.connect();
  await first.ready();
  second.connect();
  assert.deepStrictEqual(await became, ['ends', 3504]);
  assert.strictEqual(second.state, 'connected');
  second.disconnect();
}

/** A server that ends, and another in its place. */
async function isThereAgain(kind, over) {
  const server = await serve();
  const own = client(server, kind, { over });
  const became = outcome(own);
  own.connect();
  await own.ready();
  await server.stop();
  await serve({}, server.address);
  assert.deepStrictEqual(await became, ['comes back', 3001]);
}

(async () => {
  const server = await serve();
  const places = {
    hasty: await serve({ CORECAST_TIMEOUTS_HANDSHAKE: '1s' }),
    pinging: await serve({ CORECAST_TIMEOUTS_PING: '1s', CORECAST_TIMEOUTS_PONG: '1s' }),
  };
  const strict = await serve({ CORECAST_LIMITS_CONNECTIONS_PER_USER: '1' });
  const tests = {};
  for (const kind of ['json', 'protobuf']) {
    for (const [name, [options]] of Object.entries(ends())) {
      const place = places[options.place] ?? server;
      if ((options.kind ?? kind) !== kind) continue;
      for (const over of options.websocket ? ['websocket'] : TRANSPORTS[kind]) {
        tests[`closes ${kind} over ${over}: ${name}`] = () => closes(place, kind, name, over);
      }
    }
    for (const name of Object.keys(subscriptions())) {
      tests[`subscribes ${kind}: ${name}`] = () => subscribes(server, kind, name);
    }
    tests[`refuses ${kind}`] = () => refuses(server, kind);
    tests[`isOneTooMany ${kind}`] = () => isOneTooMany(strict, kind);
    for (const over of TRANSPORTS[kind]) {
      tests[`isThereAgain ${kind} over ${over}`] = () => isThereAgain(kind, over);
    }
  }
  await runAll(tests);
})();
