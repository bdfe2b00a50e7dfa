// Node's `fossil-delta`, of which the JavaScript SDK of Centrifuge has the part that applies deltas.
// Argument: the folder of its package. Reads lines of a message, the next one and the delta between
// them, in hexadecimal digits; prints how many it has applied.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const { applyDelta } = await import(pathToFileURL(`${process.argv[2]}/fossil-delta/fossil-delta.js`));
const lines = readFileSync(0, 'utf8').trimEnd().split('\n');
for (const line of lines) {
  const [source, target, delta] = line.split(' ').map((hex) => Buffer.from(hex, 'hex'));
  if (!target.equals(applyDelta(new Uint8Array(source), new Uint8Array(delta)))) {
    throw new Error(`another message: ${line}`);
  }
}
console.log(lines.length);
