'use strict';
const POINTS = 120, EVERY = 1000, PATIENCE = 4000, LINES = 500;
const at = id => document.getElementById(id);
let token = sessionStorage.getItem('corecast.token') || '';
let asking = null;

// Texts of numbers.
const plain = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
function count(n) {
  for (const [unit, word] of [[1e9, 'G'], [1e6, 'M'], [1e4, 'k']]) {
    if (n >= unit) {
      const size = word === 'k' ? n / 1e3 : n / unit;
      return size.toFixed(size < 100 ? 1 : 0) + ' ' + word;
    }
  }
  return n > 0 && n < 10 && n % 1 ? n.toFixed(1) : plain.format(n);
}
function bytes(n) {
  const words = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let at = 0;
  while (n >= 1024 && at < 4) { n /= 1024; at += 1; }
  return (at && n < 100 ? n.toFixed(1) : plain.format(n)) + ' ' + words[at];
}
function time(s) {
  if (s < 1e-3) return plain.format(s * 1e6) + ' µs';
  if (s < 1) return (s * 1e3).toFixed(s < 0.01 ? 1 : 0) + ' ms';
  if (s < 120) return s.toFixed(s < 10 ? 1 : 0) + ' s';
  if (s < 7200) return plain.format(Math.floor(s / 60)) + ' min';
  return s < 172800 ? plain.format(Math.floor(s / 3600)) + ' h' : plain.format(Math.floor(s / 86400)) + ' d';
}

// Requests. One that is not answered in time has failed.
function failure(status, message) {
  const error = new Error(message);
  error.status = status;
  return error;
}
async function request(method, path, body, signal) {
  const headers = {};
  if (token) headers.Authorization = 'Bearer ' + token;
  if (method !== 'GET') headers['Content-Type'] = 'application/json';
  const answer = await fetch(path, {
    method, headers, cache: 'no-store', credentials: 'omit',
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: signal || AbortSignal.timeout(PATIENCE),
  });
  if (answer.ok) return answer;
  let message = answer.statusText;
  try { message = (await answer.json()).error.message; } catch { /* no JSON */ }
  if (answer.status === 401) askForToken(token ? 'This token is wrong.' : '');
  throw failure(answer.status, message);
}
const get = async path => (await request('GET', path)).json();
const send = async (path, body) => (await request('POST', path, body)).json();

function askForToken(error) {
  if (asking) return;
  const dialog = at('token-dialog');
  at('token-error').textContent = error;
  asking = new Promise(done => {
    dialog.onclose = () => {
      token = at('token').value.trim();
      at('token').value = '';
      sessionStorage.setItem('corecast.token', token);
      asking = null;
      done();
      tick();
    };
  });
  if (!dialog.open) dialog.showModal();
}

// Elements.
function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}
function row(cells) {
  const made = element('tr');
  for (const [value, kind] of cells) {
    const cell = element('td', undefined, kind);
    if (value instanceof Node) cell.append(value); else cell.textContent = value;
    if (kind?.startsWith('cut')) cell.title = cell.textContent;
    made.append(cell);
  }
  return made;
}
// Keeps the focus where it is: the button of the same connection or topic.
function fill(id, rows, none, columns) {
  const body = at(id), focus = body.contains(document.activeElement) && document.activeElement.dataset.key;
  if (!rows.length) {
    const cell = element('td', none, 'none');
    cell.colSpan = columns;
    rows = [element('tr')];
    rows[0].append(cell);
  }
  body.replaceChildren(...rows);
  if (focus) [...body.querySelectorAll('button')].find(it => it.dataset.key === focus)?.focus();
}
function button(text, key, act, kind) {
  const made = element('button', text, 'quiet ' + (kind || ''));
  made.type = 'button';
  made.dataset.key = key;
  made.addEventListener('click', act);
  return made;
}
const SVG = 'http://www.w3.org/2000/svg';
function draw(id, values, words) {
  const chart = at(id), known = values.filter(it => it !== null);
  const most = Math.max(...known, 0), top = most || 1;
  chart.setAttribute('viewBox', '0 0 ' + (POINTS - 1) + ' 40');
  chart.setAttribute('preserveAspectRatio', 'none');
  chart.setAttribute('aria-label', words);
  if (!chart.firstChild) {
    for (const kind of ['base', 'area', 'line']) {
      const path = document.createElementNS(SVG, 'path');
      path.setAttribute('class', kind);
      chart.append(path);
    }
    chart.children[0].setAttribute('d', 'M0 40H' + (POINTS - 1));
  }
  let line = '', area = '', first = null;
  const end = x => { if (first !== null) area += 'L' + x + ' 40L' + first + ' 40Z'; first = null; };
  values.forEach((value, index) => {
    const x = POINTS - values.length + index;
    if (value === null) return end(x - 1);
    const to = x + ' ' + (40 - 37 * value / top).toFixed(2);
    line += (first === null ? 'M' : 'L') + to;
    area += (first === null ? 'M' : 'L') + to;
    first ??= x;
  });
  end(POINTS - 1);
  chart.children[1].setAttribute('d', area);
  chart.children[2].setAttribute('d', line);
}

// The numbers of all shards, once a second.
const lines = { connections: [], in: [], out: [], latency: [] };
let before = null, last = null;
const sum = (stats, name) => stats.shards.reduce((all, shard) => all + shard[name], 0);
function push(name, value) {
  lines[name].push(value);
  if (lines[name].length > POINTS) lines[name].shift();
}
// The bound below which this part of the turns between two looks was.
function quantile(now, then, bounds, part) {
  const turns = now.map((n, index) => n - (then ? then[index] : 0));
  const all = turns.reduce((a, b) => a + b, 0);
  let seen = 0;
  for (let index = 0; index < turns.length; index += 1) {
    seen += turns[index];
    if (all && seen >= all * part) return bounds[index] ?? bounds[bounds.length - 1] * 2;
  }
  return null;
}
const all = (stats, name) => stats.shards.reduce(
  (sums, shard) => shard[name].map((n, index) => n + (sums[index] || 0)), []);
function show(stats) {
  // Another process counts from 0.
  const again = before && (stats.uptime_seconds < before.uptime_seconds || stats.shards.length !== before.shards.length);
  const then = again ? null : before;
  const passed = then ? stats.time - then.time : 0;
  const rate = (name, now = stats, old = then) => passed > 0 ? Math.max(0, (sum(now, name) - sum(old, name)) / passed) : null;
  const connections = sum(stats, 'connections');
  const into = rate('messages_in'), out = rate('messages_out');
  const within = (part, of = 'deliveries', bounds = stats.delivery_bounds_seconds) =>
    then && quantile(all(stats, of), all(then, of), bounds, part);
  const latency = within(0.99), middle = within(0.5), turn = within(0.99, 'turns', stats.turn_bounds_seconds);
  push('connections', connections); push('in', into); push('out', out); push('latency', latency);
  at('connections-now').textContent = count(connections);
  at('connections-now').title = plain.format(connections);
  const opened = rate('opened'), closed = rate('closed');
  at('connections-note').textContent = opened === null ? '' : count(opened) + ' opened/s, ' + count(closed) + ' closed/s';
  at('in-now').textContent = into === null ? '–' : count(into) + '/s';
  at('in-note').textContent = into === null ? '' : bytes(rate('bytes_in')) + '/s';
  at('out-now').textContent = out === null ? '–' : count(out) + '/s';
  at('out-note').textContent = out === null ? '' : bytes(rate('bytes_out')) + '/s, ' + count(rate('skipped')) + ' skipped/s';
  at('latency-now').textContent = latency === null ? '–' : '< ' + time(latency);
  at('latency-note').textContent = (middle === null ? 'no messages' : 'half < ' + time(middle)) +
    (turn === null ? '' : ', turns < ' + time(turn));
  draw('connections-chart', lines.connections, 'Connections in the last two minutes, now ' + connections);
  draw('in-chart', lines.in, 'Messages in per second in the last two minutes');
  draw('out-chart', lines.out, 'Messages out per second in the last two minutes');
  draw('latency-chart', lines.latency, 'Time from publish to the last write in the last two minutes');
  const most = Math.max(1, ...stats.shards.map(shard => shard.connections));
  const rows = stats.shards.map((shard, index) => {
    const old = then && then.shards[index];
    const per = name => old ? count(Math.max(0, (shard[name] - old[name]) / passed)) : '–';
    const busy = old ? Math.min(1, (shard.turn_seconds - old.turn_seconds) / passed) : null;
    const p99 = old && quantile(shard.turns, old.turns, stats.turn_bounds_seconds, 0.99);
    const share = element('span', undefined, 'share'), part = element('i');
    part.style.width = 100 * shard.connections / most + '%';
    share.append(part);
    const lag = shard.turn_age_seconds;
    return row([[index], [plain.format(shard.connections), 'n'], [share, 'x'], [per('messages_in'), 'n'], [per('messages_out'), 'n'],
      [busy === null ? '–' : (100 * busy).toFixed(busy < 0.1 ? 1 : 0) + ' %', busy > 0.9 ? 'n warn' : 'n'],
      [p99 === null ? '–' : time(p99), 'n'], [lag < 1 ? 'none' : time(lag), lag >= 5 ? 'n bad' : lag < 1 ? 'n' : 'n warn'],
      [bytes(shard.backlog_bytes + shard.replies_bytes), 'n'], [plain.format(shard.paused), 'n x']]);
  });
  fill('shards-rows', rows, '', 10);
  const counts = stats.shards.map(shard => shard.connections), mean = connections / counts.length;
  at('shards-note').textContent = counts.length > 1 && mean >= 1
    ? 'the fullest has ' + (Math.max(...counts) / mean).toFixed(2) + ' times the mean' : '';
  before = stats;
}

function state(kind, text) {
  if (at('state').textContent !== text) at('state').textContent = text;
  at('state').className = kind;
  document.title = kind === 'serving' ? 'corecast' : 'corecast: ' + text;
}

// Lists.
function id(connection) { return element('span', connection.id); }
function ender(connection) {
  return button('Disconnect', connection.id, () => askToEnd(connection), 'bad');
}
const named = connection => connection.topics.join(', ') +
  (connection.subscriptions > connection.topics.length ? ' + ' + (connection.subscriptions - connection.topics.length) : '');
async function showSlow() {
  const { connections } = await get('/admin/slow?limit=10');
  fill('slow-rows', connections.map(it => row([[id(it)], [it.user || '–', 'cut x'], [it.address || '–', 'x'], [named(it), 'cut'],
    [bytes(it.backlog_bytes), 'n'], [time(it.blocked_seconds || 0), 'n x'], [ender(it), 'n']])),
    'No socket is blocked: every client keeps up.', 7);
}
let counted = null;
async function showTopics() {
  const pattern = at('topics-pattern').value, order = at('topics-order').value;
  const query = new URLSearchParams({ order, limit: 20 });
  if (pattern) query.set('pattern', pattern);
  try {
    const { topics, more, partial } = await get('/admin/topics?' + query);
    const now = performance.now(), old = counted;
    counted = { at: now, by: new Map(topics.map(it => [it.topic, it.messages])) };
    fill('topics-rows', topics.map(it => {
      const then = old && old.by.get(it.topic);
      const rate = then === undefined || then === null ? null : Math.max(0, (it.messages - then) / (now - old.at) * 1000);
      const follow = button('Follow', it.topic, () => { at('console-topic').value = it.topic; begin(it.topic); at('console').scrollIntoView(); });
      return row([[it.topic, 'cut'], [plain.format(it.subscribers), 'n'], [rate === null ? '–' : count(rate), 'n'],
        [count(it.messages), 'n x'], [bytes(it.backlog_bytes), 'n x'], [follow, 'n']]);
    }), 'No topic has subscribers.', 6);
    at('topics-note').textContent = (more ? 'there are more' : '') + (partial ? ', of the first 10,000 by name' : '');
  } catch (error) {
    if (error.status !== 400) throw error;
    at('topics-note').textContent = error.message;
  }
}
at('topics-form').addEventListener('submit', event => event.preventDefault());
at('topics-form').addEventListener('input', () => { counted = null; showTopics().catch(() => {}); });

let next = null, asked = null;
async function search(more) {
  const query = new URLSearchParams(asked);
  if (more) query.set('cursor', next);
  try {
    const { connections, cursor } = await get('/admin/connections?' + query);
    const rows = connections.map(it => row([[id(it)], [it.user || '–', 'cut x'], [it.address || '–'], [it.protocol, 'x'], [named(it) || '–', 'cut x'],
      [time(it.age_seconds), 'n x'], [it.bytes_in === undefined ? '–' : bytes(it.bytes_in), 'n x'],
      [it.bytes_out === undefined ? '–' : bytes(it.bytes_out), 'n x'], [bytes(it.backlog_bytes), 'n x'], [ender(it), 'n']]));
    at('found').hidden = false;
    if (more) at('found-rows').append(...rows); else fill('found-rows', rows, 'No connection matches.', 10);
    next = cursor;
    at('more').hidden = !cursor;
    const shown = at('found-rows').querySelectorAll('button').length;
    at('found-note').textContent = shown + (cursor ? ' shown, there are more' : ' found');
  } catch (error) { at('found-note').textContent = error.message; }
}
at('search').addEventListener('submit', event => {
  event.preventDefault();
  asked = [...new FormData(event.target)].filter(([, value]) => value).concat([['limit', '20']]);
  search(false);
});
at('more').addEventListener('click', () => search(true));

function askToEnd(connection) {
  const dialog = at('end-dialog');
  at('end-which').textContent = [connection.id, connection.user, connection.address, named(connection)].filter(Boolean).join(' · ');
  dialog.returnValue = 'no';
  dialog.onclose = async () => {
    if (dialog.returnValue !== 'yes') return;
    try {
      await send('/admin/connections/' + connection.id + '/disconnect',
        { code: Number(at('end-code').value), reason: at('end-reason').value });
      at('found-note').textContent = connection.id + ' is disconnected';
    } catch (error) { at('found-note').textContent = error.message; }
    await Promise.all([asked && search(false), showSlow()]).catch(() => {});
  };
  dialog.showModal();
}

// The console.
let following = null;
function write(kind, text, when) {
  const log = at('log'), line = element('div');
  const follows = log.scrollHeight - log.scrollTop - log.clientHeight < 30;
  line.append(element('time', (when || new Date()).toLocaleTimeString('en-GB')), element('span', kind, 'k'), text);
  log.append(line);
  while (log.children.length > LINES) log.firstChild.remove();
  if (follows) log.scrollTop = log.scrollHeight;
}
const EVENTS = {
  in: it => it.text !== undefined ? it.text : '(' + bytes(it.bytes) + ', binary)',
  out: it => it.count + (it.count === 1 ? ' subscriber' : ' subscribers') + ' of shard ' + it.shard,
  subscribed: it => it.connection, unsubscribed: it => it.connection,
  skipped: it => it.count + ' messages on shard ' + it.shard,
};
function tell(event) {
  if (event.event === 'end' || event.event === 'begin') return;
  const text = EVENTS[event.event];
  write(event.event, text ? text(event) : JSON.stringify(event), event.time && new Date(event.time * 1000));
}
function stop(words) {
  following?.abort();
  following = null;
  at('follow-button').textContent = 'Follow';
  at('console-note').textContent = words || '';
}
async function begin(topic) {
  stop();
  const own = following = new AbortController();
  at('follow-button').textContent = 'Stop';
  at('console-note').textContent = 'following ' + topic;
  let wait = 0;
  while (following === own) {
    try {
      const query = new URLSearchParams({ topic, seconds: 600, max: 10000 });
      const answer = await request('GET', '/admin/trace?' + query, undefined, own.signal);
      at('console-note').textContent = 'following ' + topic;
      wait = 0;
      let rest = '';
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        const texts = (rest + value).split('\n');
        rest = texts.pop();
        texts.filter(Boolean).forEach(text => tell(JSON.parse(text)));
      }
    } catch (error) {
      if (following !== own) return;
      if (error.status === 400) return stop(error.message);
      at('console-note').textContent = 'waiting for the server';
    }
    wait = Math.min(10000, wait + 1000);
    await new Promise(done => setTimeout(done, wait * Math.random()));
  }
}
at('follow').addEventListener('submit', event => {
  event.preventDefault();
  if (following) stop(); else begin(at('console-topic').value);
});
at('publish').addEventListener('submit', async event => {
  event.preventDefault();
  const topic = at('console-topic').value;
  if (!topic) return at('console-topic').focus();
  try {
    await send('/admin/publish', { topic, data: at('console-data').value });
    at('console-data').value = '';
    if (!following) at('console-note').textContent = 'published to ' + topic;
  } catch (error) { at('console-note').textContent = error.message; }
});

// A look each second, one after the other.
let looks = 0, timer = 0, busy = false;
async function tick() {
  clearTimeout(timer);
  if (busy) return;
  busy = true;
  try {
    if (!document.hidden && !asking) {
      const stats = await get('/admin/stats');
      show(stats);
      last = Date.now();
      state(stats.ready ? 'serving' : 'draining', (stats.ready ? 'serving' : 'draining') +
        ' for ' + time(stats.uptime_seconds) + ', ' + stats.version);
      if (looks % 2 === 0) await Promise.all([showSlow(), showTopics()]);
      looks += 1;
    }
  } catch (error) {
    if (error.status === 401) state('gone', 'the token is needed');
    else if (error.status === 429) state('gone', error.message);
    else {
      looks = 0;
      for (const name in lines) push(name, null);
      state('gone', 'not reached' + (last ? ' for ' + time((Date.now() - last) / 1000) : '') + ', trying again');
    }
  }
  busy = false;
  timer = setTimeout(tick, EVERY);
}
document.addEventListener('visibilitychange', () => { if (!document.hidden) tick(); });
tick();
