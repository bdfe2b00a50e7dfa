// What npm's `centrifuge` makes of each code that the server has for the end of a connection;
// arguments as for sdk.cjs.
'use strict';
const assert = require('node:assert');
const {
  TRANSPORTS, WebSocket, client, encode, flood, outcome, runAll, secs, serve, token, tokens,
} = require('./sdk.cjs');

/** A socket whose client's messages are changed on their way; `null`: they are lost. */
const changed = (change) => class extends WebSocket {
  send(data) {
    const sent = change(data);
    if (sent !== null) super.send(sent);
  }
};

const isPong = (data) => data === '{}' || (data.length === 1 && data[0] === 0);

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
    token: token({ sub: 'ann', exp: secs(8) }),
    getToken: tokens({ sub: 'ann', exp: secs(-10) }, { sub: 'ann' }),
  }, 'comes back', 3005],
  'no new token': [{
    token: token({ sub: 'ann', exp: secs(8) }), getToken: tokens(null, { sub: 'ann' }),
  }, 'comes back', 3005],
  'a new token that is none': [{
    token: token({ sub: 'ann', exp: secs(8) }), getToken: tokens('none'),
  }, 'ends', 3500],
  'a token that is not valid yet': [{
    token: token({ sub: 'ann', nbf: secs(60) }), getToken: tokens({ sub: 'ann' }),
  }, 'connects'],
  'a subscription with a token for another topic': [{}, 'ends', 3500, withSub('other')],
  'a subscription whose new token is none': [{}, 'ends', 3500, withSub('news', 'none')],
  'a subscription whose new token is for another topic': [
    {}, 'ends', 3500, withSub('news', { channel: 'other' })],
  'a subscription by the server that is over': [{}, 'comes back', 3006,
    (it, kind, server, user) => server.api(
      'subscribe', { user, channel: 'news', expire_at: secs(1) })],
  'a flood, where it ends the connection': [
    { place: 'closing' }, 'comes back', 3013, (it, kind) => flood(it, kind)],
  'a topic of the token in a namespace that is none': [{
    token: token({ sub: 'ann', channels: ['kpet:1'] }), place: 'strict',
  }, 'ends', 102],
  'a new token of another user': [{
    token: token({ sub: 'ann', exp: secs(8) }), getToken: tokens({ sub: 'bob' }),
  }, 'ends', 3500],
  'a new token with other topics': [{
    token: token({ sub: 'ann', exp: secs(8), channels: ['a'] }),
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
  ...Object.fromEntries([
    [undefined, 'ends'], [3011, 'comes back'], [4000, 'comes back'], [4500, 'ends'],
    [4001, 'comes back', 'false'], [4501, 'ends', ''], [4502, 'ends', '{"reconnect":true}'],
  ].map(byApi)),
});

/** Codes of the application and the server's own, by the API. */
function byApi([code, end, reason = 'go']) {
  const act = (it, kind, server, user) => {
    server.api('disconnect', { user, disconnect: code && { code, reason } });
  };
  return [`/api/disconnect ${code} ${reason}`, [{}, end, code ?? 3503, act]];
}

/** Subscribes to `news` with a token for a topic, and then with another. */
function withSub(channel, other) {
  return (it, kind, server, user) => {
    const first = token({ sub: user, channel, ...(other && { exp: secs(8) }) });
    const renewed = typeof other === 'object' ? { sub: user, ...other } : other;
    it.newSubscription('news', { token: first, getToken: tokens(renewed) }).subscribe();
  };
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
    closing: await serve({
      CORECAST_LIMITS_MESSAGE_RATE: '5/s', CORECAST_LIMITS_BEYOND_RATE: 'close',
    }),
    strict: await serve({ CORECAST_TOPICS_REQUIRE_NAMESPACE: 'true' }),
  };
  const single = await serve({ CORECAST_LIMITS_CONNECTIONS_PER_USER: '1' });
  const tests = {};
  for (const kind of ['json', 'protobuf']) {
    for (const [name, [options]] of Object.entries(ends())) {
      const place = places[options.place] ?? server;
      if ((options.kind ?? kind) !== kind) continue;
      for (const over of options.websocket ? ['websocket'] : TRANSPORTS[kind]) {
        tests[`closes ${kind} over ${over}: ${name}`] = () => closes(place, kind, name, over);
      }
    }
    tests[`isOneTooMany ${kind}`] = () => isOneTooMany(single, kind);
    for (const over of TRANSPORTS[kind]) {
      tests[`isThereAgain ${kind} over ${over}`] = () => isThereAgain(kind, over);
    }
  }
  await runAll(tests);
})();
