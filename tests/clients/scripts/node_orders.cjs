// What becomes of clients of npm's `centrifuge` whose application answers as they order it.
// Arguments: the folder of packages and the address of the server. Reads a list of cases from its
// standard input, as JSON, and writes what became of each.
'use strict';
const { readFileSync } = require('node:fs');
const { WebSocket, at, client, encode, next, outcome, runAll } = require('./sdk.cjs');

const server = at(process.argv[3]);
const cases = JSON.parse(readFileSync(0, 'utf8'));
const became = [];

/** A number as protobuf has it. */
const varint = (number) => [(number & 127) | 128, number >> 7];

/** A socket whose server unsubscribes with another code. It keeps what its client has sent. */
const unsubscribing = (kind, code, sent) => class extends WebSocket {
  emit(event, data, ...rest) {
    if (event !== 'message') return super.emit(event, data, ...rest);
    const [from, to] = kind === 'json'
      ? [Buffer.from('{"code":2000'), Buffer.from(`{"code":${code}`)]
      : [Buffer.from([0x10, ...varint(2000)]), Buffer.from([0x10, ...varint(code)])];
    // The same bytes, whatever their type.
    const bytes = Buffer.from(data.buffer ?? data, data.byteOffset ?? 0, data.byteLength);
    const index = bytes.indexOf(from);
    if (index !== -1) to.copy(bytes, index);
    return super.emit(event, data, ...rest);
  }

  send(data) {
    sent.push(data);
    super.send(data);
  }
};

/** What the last command to subscribe says of a position and a token, if it is JSON. */
function lastSubscribe(sent) {
  const lines = sent.filter((data) => typeof data === 'string').flatMap((data) => data.split('\n'));
  const { token, offset, epoch } = lines.map(JSON.parse).findLast((it) => it.subscribe).subscribe;
  return { token, offset, hasEpoch: Boolean(epoch) && epoch !== '_' };
}

async function play({ kind, over, on, order, code }, index) {
  let [tokens, asked] = [0, 0];
  const sent = [];
  const once = async () => encode(kind, asked++ === 0 ? order : {});
  const credentials = {
    token: 'first', getToken: async () => { tokens += 1; return `token ${tokens}`; },
  };
  const ofSub = on === 'subscribe' || on === 'unsubscribe';
  const own = client(server, kind, {
    over,
    timeout: 60_000,
    ...(!ofSub && credentials),
    ...(on === 'connect' && { getData: once }),
    ...(code && { websocket: unsubscribing(kind, code, sent) }),
  });
  const channel = `of case ${index}`;
  const sub = ofSub && own.newSubscription(channel, {
    ...credentials, minResubscribeDelay: 1, maxResubscribeDelay: 50,
    ...(on === 'subscribe' && { getData: once }),
  });
  const reasons = [];
  const of = sub || own;
  for (const event of sub ? ['unsubscribed', 'subscribing'] : ['disconnected', 'connecting']) {
    of.on(event, ({ reason }) => reasons.push(reason));
  }
  const end = outcome(of);
  if (sub) sub.subscribe();
  own.connect();
  if (on === 'send' || on === 'rpc') await own.ready();
  if (on === 'send') own.send(encode(kind, order));
  if (on === 'rpc') {
    const error = await own.rpc('any', encode(kind, order)).catch((it) => it);
    became[index] = ['fails', error.code, Boolean(error.temporary), own.state];
    return own.disconnect();
  }
  if (on === 'unsubscribe') {
    await sub.ready();
    const published = next(sub, 'publication');
    await own.publish(channel, encode(kind, 1));
    await published;
    own.send(encode(kind, { unsubscribe: channel }));
  }
  became[index] = [...await end, tokens, reasons.at(-1)];
  if (code && kind === 'json' && sub.state === 'subscribed') {
    became[index].push(lastSubscribe(sent));
  }
  return own.disconnect();
}

const tests = cases.map((it, index) => [JSON.stringify(it), () => play(it, index)]);
runAll(Object.fromEntries(tests), { beside: 50, result: () => JSON.stringify(became) });
