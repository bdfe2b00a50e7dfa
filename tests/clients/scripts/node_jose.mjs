// Node's `jose` makes tokens with the algorithms that it has, or checks one. Arguments: the folder
// of its package, then `make FOLDER`, which writes a key set to FOLDER/keys.json and prints an
// object with a token for each algorithm, or `check ALGORITHM FILE TOKEN`, which prints the claims;
// the file has a secret or a public key in PEM.
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [packages, command, ...rest] = process.argv.slice(2);
const jose = await import(pathToFileURL(`${packages}/jose/dist/webapi/index.js`));

async function make(folder) {
  const algorithms = ['RS256', 'RS512', 'PS256', 'PS384', 'ES256', 'ES384', 'ES512', 'EdDSA'];
  const keys = [];
  const tokens = {};
  for (const alg of algorithms) {
    const { publicKey, privateKey } = await jose.generateKeyPair(alg, { extractable: true });
    keys.push({ ...await jose.exportJWK(publicKey), kid: alg, alg, use: 'sig' });
    tokens[alg] = await new jose.SignJWT({ info: { name: 'Ann Øst' } })
      .setProtectedHeader({ alg, kid: alg, typ: 'JWT' })
      .setSubject('ann').setIssuer('python').setAudience('corecast')
      .setIssuedAt().setExpirationTime('10m').sign(privateKey);
  }
  writeFileSync(`${folder}/keys.json`, JSON.stringify({ keys }));
  console.log(JSON.stringify(tokens));
}

async function check(algorithm, file, token) {
  const expected = { audience: 'corecast', issuer: 'python', algorithms: [algorithm] };
  const text = readFileSync(file, 'utf8');
  const key = algorithm.startsWith('HS')
    ? new TextEncoder().encode(text) : await jose.importSPKI(text, algorithm);
  const { payload } = await jose.jwtVerify(token, key, expected);
  console.log(JSON.stringify(payload));
}

await { make, check }[command](...rest);
