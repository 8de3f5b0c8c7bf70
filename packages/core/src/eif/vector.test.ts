// Files that others made: the good ones measure to the expected PCRs, the damaged ones are refused with their class.
// Both readers and the signature are asked.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { toHex } from '../bytes/index.ts';
import { extendZero, measureEif, parseEif, parseEifSignature, readEif, verifyEifSignature } from './index.ts';

const folder = join(import.meta.dirname, '../../../../../shared/vectors/eif');
const skip = !existsSync(folder) && `no vectors at ${folder}`;

interface Vector {
  readonly id: string;
  readonly file: string;
  readonly sha256: string;
  readonly at?: number;
  readonly expect: {
    readonly ok: boolean;
    readonly cls?: string;
    readonly measurements?: Readonly<Record<string, string>>;
  };
}

test('every vector is measured or refused as its manifest says', { skip }, async (context) => {
  const { entries } = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as { entries: Vector[] };
  assert.ok(entries.length >= 32, `${entries.length} entries`);
  for (const { id, file, sha256, at, expect } of entries) {
    await context.test(id, async () => {
      const bytes = readFileSync(join(folder, file));
      assert.equal(createHash('sha256').update(bytes).digest('hex'), sha256, 'the vector itself');
      const hash = () => createHash('sha384');
      const inPieces = {
        size: bytes.length,
        read: async (offset: number, length: number) => bytes.subarray(offset, offset + length),
      };
      // What the signature section holds is the next reader's.
      const formHolds = expect.ok || expect.cls === 'SIGNATURE' || id === 'bad-sig-cert-not-pem';
      if (!formHolds) {
        const code = expect.cls === 'CRC' ? 'EIF_CRC' : /^EIF_(?!CRC)/;
        assert.throws(() => parseEif(bytes), { name: 'ParseError', code });
        await assert.rejects(readEif(inPieces, hash), { name: 'ParseError', code });
        return;
      }
      const image = parseEif(bytes);
      const measured = await measureEif(image, hash);
      assert.deepEqual((await readEif(inPieces, hash)).measurements, measured);
      for (const name of ['PCR0', 'PCR1', 'PCR2'] as const) {
        assert.equal(toHex(measured[name.toLowerCase() as 'pcr0']), expect.measurements?.[name], name);
      }
      if (image.signature === undefined) return;
      if (expect.cls === 'FORMAT') {
        assert.throws(() => parseEifSignature(image.signature!), { name: 'ParseError', code: 'EIF_CERTIFICATE' });
        return;
      }
      const signature = parseEifSignature(image.signature);
      const pcr8 = await extendZero(hash().update(signature.certificate.der).digest(), hash);
      assert.equal(toHex(pcr8), expect.measurements?.['PCR8'], 'PCR8');
      const verdict = verifyEifSignature(signature, { pcr0: measured.pcr0, at: at! });
      if (expect.ok) await verdict;
      else await assert.rejects(verdict, { name: 'VerificationError', code: 'EIF_SIGNATURE' });
    });
  }
});
