// What the scripts with npm's `centrifuge` share: servers, tokens, clients, and what becomes of them.
// Arguments of each: the folder of packages, the program, and its configuration.
'use strict';
const { spawn } = require('node:child_process');
const { createHmac } = require('node:crypto');
const { createInterface } = require('node:readline');

const [folder, program, config] = process.argv.slice(2);
const { WebSocket } = require(`${folder}/ws`);
const { EventSource } = require(`${folder}/eventsource`);
const SDKS = {
  json: require(`${folder}/centrifuge`),
  protobuf: require(`${folder}/centrifuge/build/protobuf`),
};
// Each server ends with this process.
process.setMaxListeners(0);
const SECRET = '0123456789abcdef0123456789abcdef';

/** Starts the program with variables of the environment. It ends with this process. */
async function serve(env = {}, address = '127.0.0.1:0') {
  const args = ['--config', config, '--http', address, '--shards', '2'];
  const stdio = ['ignore', 'ignore', 'pipe'];
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio });
  process.on('exit', () => child.kill('SIGKILL'));
  const log = [];
  const found = await new Promise((resolve, reject) => {
    let http;
    createInterface({ input: child.stderr }).on('line', (line) => {
      log.push(line);
      http ??= /listening http (\S+)/.exec(line)?.[1];
      if (line.includes('ready: ')) resolve(http);
    });
    child.on('exit', () => reject(new Error(log.join('\n'))));
  });
  const ended = new Promise((resolve) => { child.on('exit', resolve); });
  return {
    ...at(found),
    stop() {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

/** A server that is there. */
const at = (address) => ({
  address,
  async api(method, params) {
    const answer = await fetch(`http://${address}/api/${method}`, {
      method: 'POST', headers: { 'X-API-Key': 'the-key' }, body: JSON.stringify(params),
    });
    return answer.json();
  },
});

const base64 = (value) => Buffer.from(value).toString('base64url');

/** A token with claims. */
function token(claims) {
  const signed = `${base64('{"alg":"HS256"}')}.${base64(JSON.stringify(claims))}`;
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`;
}

/** So many seconds from now. */
const secs = (after) => Math.floor(Date.now() / 1000) + after;

/** What a client can use: the SDK has events for JSON alone. */
const TRANSPORTS = {
  json: ['websocket', 'http_stream', 'sse'], protobuf: ['websocket', 'http_stream'],
};

/** A client that comes back at once, over the transport `over`. It has not connected yet. */
function client(server, kind, { over = 'websocket', query = '', ...options } = {}) {
  const scheme = over === 'websocket' ? 'ws' : 'http';
  const endpoint = `${scheme}://${server.address}/connection/${over}${query}`;
  return new SDKS[kind].Centrifuge([{ transport: over, endpoint }], {
    websocket: WebSocket, eventsource: EventSource, minReconnectDelay: 1, maxReconnectDelay: 50,
    token: token({ sub: 'ann' }), emulationEndpoint: `http://${server.address}/emulation`,
    ...options,
  });
}

/** JSON as the SDK wants it. */
const encode = (kind, value) => (kind === 'json' ? value
  : new TextEncoder().encode(JSON.stringify(value)));
const decode = (kind, data) => (kind === 'json' ? data
  : JSON.parse(new TextDecoder().decode(data)));

/** The context of the next event of this name. */
const next = (emitter, event) => new Promise((resolve) => { emitter.once(event, resolve); });

/** Tokens one after the other, the last of them again and again: claims, a text, or none at all. */
function tokens(...claims) {
  return async () => {
    const now = claims.length > 1 ? claims.shift() : claims[0];
    if (now === null) return new Promise(() => {});
    return typeof now === 'string' ? now : token(now);
  };
}

/** More commands than may come at once. */
function flood(it, kind) {
  const all = Array.from({ length: 100 }, (_, n) => it.publish('news', encode(kind, n)));
  return Promise.allSettled(all);
}

/** Whether a client or subscription ends or comes back, and the code of the reason. */
function outcome(of) {
  const [ends, starts, runs] = of.subscribe
    ? ['unsubscribed', 'subscribing', 'subscribed'] : ['disconnected', 'connecting', 'connected'];
  return new Promise((resolve) => {
    let why;
    // Those below 100 are not of the server.
    of.on('error', ({ error }) => { if (error.code >= 100) why ??= error.code; });
    of.on(ends, ({ code }) => resolve(['ends', code]));
    of.on(starts, ({ code }) => { why ??= code || undefined; });
    of.on(runs, () => why && resolve(['comes back', why]));
  });
}

/**
 * Runs tests beside each other, as many as there may be, and writes their result. `tests`: their
 * names and what they do.
 */
async function runAll(tests, { limit = 100_000, beside = Infinity, result = () => '' } = {}) {
  const left = new Set(Object.keys(tests));
  const end = (code) => {
    if (left.size) console.error('failed or not ended:', [...left].join(', '));
    process.stdout.write(result(), () => process.exit(code));
  };
  setTimeout(end, limit, 1);
  const waiting = Object.entries(tests);
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [name, test] = next;
      await test().then(() => left.delete(name), (reason) => console.error(reason));
    }
  };
  await Promise.all(Array.from({ length: Math.min(beside, waiting.length) }, work));
  end(left.size ? 1 : 0);
}

module.exports = {
  TRANSPORTS, WebSocket, at, client, decode, encode, flood, next, outcome, runAll, secs, serve,
  token, tokens,
};
