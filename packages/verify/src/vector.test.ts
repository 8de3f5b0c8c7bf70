// Documents of others: real ones of AWS hardware, mutants of them, and synthetic ones with a single defect each. Every verdict and
// every class of refusal must be the one the vectors name.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseHex } from '@caisson/core/bytes';
import { VerificationError, verifyDocument } from './index.ts';

const folder = join(import.meta.dirname, '../../../../shared/vectors/attestation');
const skip = existsSync(folder) ? false : `no vectors at ${folder}`;

interface Entry {
  readonly id: string;
  readonly kind: 'real' | 'mutant' | 'synthetic';
  readonly file: string;
  readonly root: string;
  readonly at: number;
  readonly options: {
    readonly allow_debug?: boolean;
    readonly max_age_ms?: number;
    readonly pcrs?: Record<number, string>;
    readonly nonce?: string;
    readonly user_data?: string;
    readonly public_key?: string;
  };
  readonly expect: { readonly ok?: boolean; readonly cls?: string; readonly also?: readonly string[] };
  readonly facts?: { readonly module_id: string; readonly timestamp: number; readonly pcr_count: number };
}

const entries = (): Entry[] => JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')).entries;

// The default root for AWS's, so that the one compiled in is what real documents are held to.
function verify({ file, root, at, options }: Entry): ReturnType<typeof verifyDocument> {
  const { allow_debug, max_age_ms, pcrs, nonce, user_data, public_key } = options;
  return verifyDocument(readFileSync(join(folder, file)), {
    at,
    ...(root !== 'aws-root-g1.pem' && { roots: [readFileSync(join(folder, root), 'utf8')] }),
    ...(allow_debug !== undefined && { allowDebug: allow_debug }),
    ...(max_age_ms !== undefined && { maxAgeSeconds: max_age_ms / 1000 }),
    ...(pcrs !== undefined && { pcrs }),
    ...(nonce !== undefined && { nonce: parseHex(nonce) }),
    ...(user_data !== undefined && { userData: parseHex(user_data) }),
    ...(public_key !== undefined && { publicKey: parseHex(public_key) }),
  });
}

test('gives the verdict of the vectors for every document of others, and refuses for the reason they name', {
  skip,
}, async () => {
  const wrong: string[] = [];
  let accepted = 0;
  const all = entries();
  for (const entry of all) {
    let got = 'ok';
    try {
      const verified = await verify(entry);
      accepted += 1;
      if (entry.facts !== undefined) {
        assert.equal(verified.moduleId, entry.facts.module_id, entry.id);
        assert.equal(verified.timestamp, entry.facts.timestamp, entry.id);
        assert.equal(Object.keys(verified.pcrs).length, entry.facts.pcr_count, entry.id);
      }
      assert.equal(verified.root, entry.root === 'aws-root-g1.pem' ? 'aws' : 'custom', entry.id);
    } catch (error) {
      assert.ok(error instanceof VerificationError, `${entry.id}: ${error}`);
      got = error.class;
    }
    const wanted = entry.expect.ok ? ['ok'] : [entry.expect.cls, ...(entry.expect.also ?? [])];
    if (!wanted.includes(got)) wrong.push(`${entry.id}: wanted ${wanted.join(' or ')}, got ${got}`);
  }
  assert.deepEqual(wrong, []);
  assert.ok(all.length >= 182 && accepted >= 31, `${accepted} of ${all.length} accepted`);
});

test('names the very class of the vectors, not only one that is also acceptable, for nine in ten', {
  skip,
}, async () => {
  const refused = entries().filter(({ expect }) => !expect.ok);
  let exact = 0;
  for (const entry of refused) {
    await verify(entry).catch((error: VerificationError) => {
      if (error.class === entry.expect.cls) exact += 1;
    });
  }
  assert.ok(exact >= refused.length * 0.9, `${exact} of ${refused.length}`);
});
