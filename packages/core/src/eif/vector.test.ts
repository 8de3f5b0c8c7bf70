// Files that others made: the good ones measure to the expected PCRs, the damaged ones are refused with their class.
// Signatures are another reader's matter; here a file is as good as its form, its checksum and its metadata.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { toHex } from '../bytes/index.ts';
import { measureEif, parseEif } from './index.ts';

const folder = join(import.meta.dirname, '../../../../../shared/vectors/eif');
const skip = !existsSync(folder) && `no vectors at ${folder}`;

interface Vector {
  readonly id: string;
  readonly file: string;
  readonly sha256: string;
  readonly expect: {
    readonly ok: boolean;
    readonly cls?: string;
    readonly measurements?: Readonly<Record<string, string>>;
  };
}

test('every vector is measured or refused as its manifest says', { skip }, async (context) => {
  const { entries } = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as { entries: Vector[] };
  assert.ok(entries.length >= 32, `${entries.length} entries`);
  for (const { id, file, sha256, expect } of entries) {
    await context.test(id, async () => {
      const bytes = readFileSync(join(folder, file));
      assert.equal(createHash('sha256').update(bytes).digest('hex'), sha256, 'the vector itself');
      // The certificate inside the signature section is not opened here.
      const formHolds = expect.ok || expect.cls === 'SIGNATURE' || id === 'bad-sig-cert-not-pem';
      if (!formHolds) {
        const code = expect.cls === 'CRC' ? 'EIF_CRC' : /^EIF_(?!CRC)/;
        assert.throws(() => parseEif(bytes), { name: 'ParseError', code });
        return;
      }
      const measured = await measureEif(parseEif(bytes), () => createHash('sha384'));
      for (const name of ['PCR0', 'PCR1', 'PCR2'] as const) {
        assert.equal(toHex(measured[name.toLowerCase() as 'pcr0']), expect.measurements?.[name], name);
      }
    });
  }
});
