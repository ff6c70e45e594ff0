// Verifies the DKIM signatures of each message file named on stdin with mailauth, without any network.
// The first line of stdin is a JSON object: TXT record by DNS name. Prints one JSON array of arrays.
import { readFile } from 'node:fs/promises';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';

let input = '';
for await (const chunk of process.stdin) input += chunk;
const [first, ...paths] = input.split('\n').filter(Boolean);
const records = JSON.parse(first);

const resolver = async (name, type) => {
  if (type === 'TXT' && records[name]) return [[records[name]]];
  throw Object.assign(new Error(`no ${type} for ${name}`), { code: 'ENOTFOUND' });
};

const seen = [];
for (const path of paths) {
  const { results } = await dkimVerify(await readFile(path), { resolver });
  seen.push(results.map(({ algo, selector, status, signingHeaders }) => ({
    algorithm: algo, selector, result: status.result, comment: status.comment ?? '', headers: signingHeaders?.keys ?? '',
  })));
}
process.stdout.write(JSON.stringify(seen));
