// What is said while an enclave waits for a boot config that nobody will give it.
import { deepEqual, match } from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeMeasuredEif } from '@caisson/testkit/boot';
import { createFakeDoor } from '@caisson/testkit/fake';
import { createEngine, type EngineEvent } from './index.ts';

test('an image that waits for a config which is not given is shown with the time that it waits; one that is given its config is not', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-wait-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const shims = createFakeDoor();
  shims.scripts.set('a', ['starting', 'booting', 'config', 'config', 'services', 'ready']);
  const env = { CAISSON_STATE: join(folder, 'state'), XDG_CONFIG_HOME: join(folder, 'config'), PATH: '' };
  const engine = createEngine({ env, words: ['caisson'], version: '0', shims });
  const up = async (expect: 'optional' | 'none', more = ''): Promise<readonly EngineEvent[]> => {
    const events: EngineEvent[] = [];
    await writeMeasuredEif(join(folder, 'a.eif'), { components: ['ready'], config: { expect, timeoutMs: 30_000 } });
    const file = join(folder, 'caisson.yaml');
    writeFileSync(file, `name: a\nimage: { eif: a.eif }\nlabels: { round: "${shims.done.length}" }\n${more}`);
    const command = { verb: 'up', file, names: [], variables: {}, detach: false } as const;
    await engine.execute(command, { onEvent: (event) => void events.push(event) });
    await engine.execute({ verb: 'stop', names: ['a'] });
    return events.filter((event) => ('phase' in event ? event.phase === 'config' : event.level === 'info'));
  };
  const waits = await up('optional');
  const [note, ...again] = waits.filter((event) => event.kind === 'note' && event.hint !== undefined);
  deepEqual(again, []);
  match(
    JSON.stringify(note),
    /its image waits 30s for a boot config .*, and it is given none.*policy\.config\.timeout shortens/,
  );
  deepEqual(
    waits.find(({ kind }) => kind === 'begin'),
    { kind: 'begin', enclave: 'a', phase: 'config', waitMs: 30_000 },
  );
  for (const events of [await up('none'), await up('optional', 'config: { mine: 1 }\n')]) {
    deepEqual(
      events.find(({ kind }) => kind === 'begin'),
      { kind: 'begin', enclave: 'a', phase: 'config' },
    );
    deepEqual(
      events.filter((event) => event.kind === 'note' && event.hint !== undefined),
      [],
    );
  }
});
