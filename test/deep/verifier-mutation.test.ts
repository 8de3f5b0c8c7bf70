// T-V7: whether the verifier's tests would notice a slip. Each mutant of its sources, one at a time, must fail a test. What
// lives is either equivalent, and then stands in the ledger with the reason, or a test that is missing.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { laneFigure } from '@caisson/testkit/contract';
import { createCopy } from './mutant-kill.ts';
import { type Mutant, mutantsOf } from './mutate.ts';

const root = join(import.meta.dirname, '../..');
const workers = 2;
// Given: the plan's share.
const leastKilled = 0.95;
// Given: the plan; where the verdict itself is made, no comparison and no return may live.
const whole = [
  'packages/verify/src/verify-document.ts',
  'packages/verify/src/expect.ts',
  'packages/core/src/x509/verify-path.ts',
];
const sampled = [
  ...['attest', 'claim', 'fetch-document', 'refuse', 'replay-cache', 'trust-root', 'verification-error'],
  ...['verified-document', 'verify-attestation', 'policy/check-schema', 'policy/parse-policy', 'policy/policy'],
].map((name) => `packages/verify/src/${name}.ts`);
const below = [
  ...['x509/ecdsa-signature', 'x509/extension', 'x509/name', 'x509/parse-certificate', 'x509/pem', 'x509/verify-key'],
  ...['attestation/limit', 'attestation/parse-certificate', 'attestation/parse-document', 'attestation/parse-payload'],
  ...['attestation/payload', 'cose/sign', 'cose/sign1'],
].map((name) => `packages/core/src/${name}.ts`);

interface Equivalent {
  readonly file: string;
  readonly source: string;
  readonly change: string;
  readonly reason: string;
}
const ledger = JSON.parse(readFileSync(join(import.meta.dirname, 'mutant-ledger.json'), 'utf8')) as Equivalent[];
const mutants = (files: readonly string[]): Mutant[] =>
  files.flatMap((file) => mutantsOf(file, readFileSync(join(root, file), 'utf8')));
const nameOf = ({ file, source, change }: Pick<Mutant, 'file' | 'source' | 'change'>): string =>
  `${file}: ${source} [${change}]`;

const figure = laneFigure('T-V7');
const skip = figure === 0 && 'mutants take minutes: they run in the deep lane';

test('T-V7: the ledger of equivalent mutants names mutants that exist, each once and with a reason', () => {
  const names = new Set(mutants([...whole, ...sampled, ...below]).map(nameOf));
  assert.deepEqual(ledger.filter((entry) => !names.has(nameOf(entry)) || entry.reason.length < 20).map(nameOf), []);
  assert.equal(new Set(ledger.map(nameOf)).size, ledger.length);
});

test('T-V7: a slip in the verifier fails a test', { skip }, async (context) => {
  const others = shuffled(mutants([...sampled, ...below]), 1);
  const queue = [...mutants(whole), ...others].slice(0, figure);
  const equivalent = new Set(ledger.map(nameOf));
  const asked = queue.filter((mutant) => !equivalent.has(nameOf(mutant)));
  const living: Mutant[] = [];
  const waiting = [...asked];
  const copies = Array.from({ length: workers }, createCopy);
  context.after(() => {
    for (const copy of copies) copy.remove();
  });
  await copies[0]!.verifySound();
  await Promise.all(
    copies.map(async (copy) => {
      for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
        if ((await copy.kill(mutant)) === undefined) living.push(mutant);
      }
    }),
  );
  const killed = asked.length - living.length;
  const lines = living.map(
    (mutant) => `${mutant.file}:${mutant.line} ${mutant.kind} ${mutant.source} [${mutant.change}]`,
  );
  context.diagnostic(`${killed} of ${asked.length} mutants killed, ${queue.length - asked.length} equivalent`);
  for (const line of lines.sort()) context.diagnostic(`lives: ${line}`);
  assert.deepEqual(
    living.filter(({ file, kind }) => whole.includes(file) && (kind === 'comparison' || kind === 'return')).map(nameOf),
    [],
  );
  assert.ok(killed >= asked.length * leastKilled, `${killed} of ${asked.length} killed:\n${lines.join('\n')}`);
});

// A linear congruence (Numerical Recipes): the same sample in every run of one tree.
function shuffled<T>(all: readonly T[], seed: number): T[] {
  const list = [...all];
  let state = seed;
  for (let last = list.length - 1; last > 0; last -= 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const chosen = state % (last + 1);
    [list[last], list[chosen]] = [list[chosen]!, list[last]!];
  }
  return list;
}
