// What nitro-cli's verbs list and choose, where records and hardware do not say the same.
import { deepEqual, equal, rejects, throws } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { planEif } from '@caisson/core/eif';
import { fakeRecord } from '@caisson/testkit/fake';
import type { DescribedEnclave } from '../backend-nitro/index.ts';
import { measureImage } from '../image/index.ts';
import type { EnclaveRecord } from '../record/index.ts';
import { describeEnclaves } from './describe.ts';
import { findListed, listEnclaves, type NitroVerbWorld } from './list.ts';

const real = (EnclaveName: string, EnclaveCID: number): DescribedEnclave => ({
  EnclaveName,
  EnclaveCID,
  EnclaveID: `i-0-enc${EnclaveCID}`,
  ProcessID: 1_000 + EnclaveCID,
  State: 'RUNNING',
  Flags: 'NONE',
});

function world(records: readonly EnclaveRecord[], describe: () => Promise<readonly DescribedEnclave[]>) {
  const said: string[] = [];
  const engine = { execute: async () => records } as unknown as NitroVerbWorld['engine'];
  const parent = { describe, terminate: async () => {} };
  return { said, world: { engine, parent, env: {}, say: (line: string) => void said.push(line) } };
}

const onHardware = (name: string, cid: number): EnclaveRecord =>
  fakeRecord(name, { backend: 'nitro' }, { backend: 'nitro', cid });
const launched = (name: string): string => `${name}-${'0f'.repeat(8)}`;

test('an enclave on hardware is that of a record only by name and CID: one that merely bears the name is somebody else’s', async () => {
  const all = [real(launched('web'), 21), real(launched('web'), 20), real('web-x', 22)];
  const listed = await listEnclaves(world([onHardware('web', 20)], async () => all).world);
  deepEqual(
    listed.map(({ record, facts }) => [record?.name, facts.EnclaveCID, facts.ProcessID]),
    [
      ['web', 20, 1_020],
      [undefined, 21, 1_021],
      [undefined, 22, 1_022],
    ],
  );
});

test('where nitro-cli does not answer, enclaves of hardware are not guessed at, and a simulation is listed all the same', async () => {
  const describe = () => Promise.reject(new Error('E07'));
  await rejects(listEnclaves(world([onHardware('web', 20)], describe).world), { message: 'E07' });
  const simulated = world([fakeRecord('web')], describe);
  equal((await listEnclaves(simulated.world)).length, 1);
  deepEqual(simulated.said, ['what others run with nitro-cli is not listed: E07']);
});

test('a name that two bear ends neither', async () => {
  const all = await listEnclaves(world([], async () => [real('web', 20), real('web', 21)]).world);
  throws(() => findListed(all, { by: 'name', name: 'web' }), { code: 'NITRO_VERB_ENCLAVE', nitro: 'E58' });
  throws(() => findListed(all, { by: 'id', id: 'i-0-enc9' }), { code: 'NITRO_VERB_ENCLAVE', nitro: 'E40' });
  equal(findListed(all, { by: 'id', id: 'i-0-enc21' }).facts.EnclaveCID, 21);
});

test('an image file that measures otherwise by now says nothing of the enclave', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-list-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const image = join(folder, 'web.eif');
  const ramdisks = [Buffer.from('first')];
  const metadata = { ImageName: 'web', ImageVersion: '2' };
  const terms = { architecture: 'x86_64', kernel: Buffer.from('k'), cmdline: 'c', metadata, ramdisks } as const;
  const planned = await planEif(terms, () => createHash('sha384'));
  const pieces: Uint8Array[] = [];
  for await (const piece of planned.open()) pieces.push(piece.slice());
  writeFileSync(image, Buffer.concat(pieces));
  const namesOf = async (record: EnclaveRecord) => {
    const { said, world: there } = world([record], async () => []);
    const [facts] = await describeEnclaves(there, { metadata: true });
    return [facts?.ImageName, said.at(-1)];
  };
  deepEqual(await namesOf(fakeRecord('web', { image, measurements: await measureImage(image) })), [
    'web',
    'SIMULATED: web on no hardware',
  ]);
  deepEqual(await namesOf(fakeRecord('web', { image })), [
    undefined,
    `no metadata of web: ${image} is another image by now`,
  ]);
});
