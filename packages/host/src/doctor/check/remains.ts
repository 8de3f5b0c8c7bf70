// What caisson itself keeps on this machine: the state folder, its enclaves, what dead ones have left, an operator's keys.
import { leastMemory } from '../../compose/index.ts';
import { STATE_VERSION } from '../../record/index.ts';
import { type Check, count, fail, joinGroup, type Look, note, ok, warn } from '../check.ts';
import type { Ground } from '../ground.ts';

const othersMayWrite = 0o022;
const othersMay = 0o077;

export const remainsChecks: readonly Check[] = [
  {
    id: 'state-folder',
    group: 'caisson',
    looksAt: 'the state folder: rights and version',
    matters: 'whoever can write there can listen in the name of an enclave',
    prevents: ['sim', 'qemu', 'nitro'],
    look: lookAtState,
  },
  {
    id: 'enclaves',
    group: 'caisson',
    looksAt: 'enclaves of the state folder: their shims and phases',
    matters: 'the shim of an enclave is its bridges, log and restarts; where it is gone, connections are refused',
    prevents: [],
    look: lookAtEnclaves,
  },
  {
    id: 'image-memory',
    group: 'caisson',
    looksAt: 'memory of each enclave, of the file and of the state folder, against its image',
    matters:
      'the image lies in the memory of the enclave three times over while it boots; too little looks like a crash of the first process',
    prevents: [],
    look: lookAtMemory,
  },
  {
    id: 'launches',
    group: 'caisson',
    looksAt: 'records of launches on hardware that were cut',
    matters: 'such an enclave may still have memory and processors; the next start ends it',
    prevents: [],
    look: ({ machine, state, nitroCli }) => {
      const names = machine.list(`${state}/nitro`).filter((name) => name.endsWith('.json'));
      const running = new Set(nitroCli?.enclaves?.map(({ name }) => name) ?? []);
      const left = names.map((name) => name.slice(0, -'.json'.length)).filter((name) => !running.has(name));
      if (left.length === 0)
        return ok(names.length === 0 ? 'none' : `${count(names.length, 'record')}, each of an enclave that runs`);
      return note(
        `${count(left.length, 'record')} of no enclave that runs: ${left.join(', ')}; the next start removes them`,
      );
    },
  },
  {
    id: 'operator-folder',
    group: 'caisson',
    looksAt: 'the folder of keys and policies of this operator',
    matters: 'it says whom this operator is and what he trusts; a folder that others write to is refused',
    prevents: [],
    look: lookAtOperator,
  },
  {
    id: 'docker',
    group: 'caisson',
    looksAt: 'the socket of Docker and the right to use it',
    matters:
      'caisson builds and starts without it; only `docker save`, which turns an image of a daemon into a source, asks it',
    prevents: [],
    look: ({ machine }) => {
      const path = '/var/run/docker.sock';
      if (machine.stat(path) === undefined) return ok('no Docker here, and none is needed');
      return machine.mayUse(path)
        ? ok('it can be used, and is not needed')
        : note(`${machine.userName} may not use it; caisson does not need it`, joinGroup('docker'));
    },
  },
];

function lookAtState({ machine, state, recordFault }: Ground): Look {
  const facts = machine.stat(state);
  if (facts === undefined) return ok(`${state} is made at the first start`);
  if (facts.kind !== 'folder') return fail(`${state} is no folder`, `mv ${state} ${state}.aside`);
  if (facts.uid !== machine.uid) {
    return fail(
      `${state} is of user ${facts.uid}, this is ${machine.uid}`,
      `export CAISSON_STATE="$HOME/.local/state/caisson"`,
    );
  }
  if ((facts.mode & othersMay) !== 0)
    return fail(`${state} has mode ${facts.mode.toString(8)}, 700 is needed`, `chmod 700 ${state}`);
  const version = machine.readText(`${state}/version`)?.trim();
  if (version !== undefined && version !== String(STATE_VERSION)) {
    return fail(
      `${state} is of version ${version.slice(0, 20)}, this program knows ${STATE_VERSION}`,
      'export CAISSON_STATE=OTHER   # or use the newer caisson',
    );
  }
  if (recordFault !== null) return fail(recordFault, `ls -l ${state}`);
  return ok(`${state}, version ${version ?? STATE_VERSION}`);
}

function lookAtEnclaves({ records }: Ground): Look | readonly Look[] {
  const found: Look[] = [];
  for (const { name, state, fault } of records) {
    if (fault !== undefined) found.push(warn(`${name}: ${fault.message}`, `caisson rm ${name}`));
    else if (state?.phase === 'lost')
      found.push(warn(`${name} is lost: its shim is gone without a word`, `caisson restart ${name}`));
    else if (state?.phase === 'failed')
      found.push(
        note(`${name} has failed: ${state.failure?.message ?? 'it does not say why'}`, `caisson inspect ${name}`),
      );
    else if (state?.phase === 'degraded')
      found.push(
        note(`${name} is degraded: ${state.reasons.join('; ') || 'it does not say why'}`, `caisson logs ${name}`),
      );
  }
  if (found.length > 0) return found;
  const up = records.filter(({ state }) => state?.phase === 'ready');
  return ok(records.length === 0 ? 'none' : `${records.length}, of which ${up.length} ready`);
}

function lookAtMemory({ machine, wanted, records, file }: Ground): Look | readonly Look[] {
  const edit = (needMiB: number): string => `"$EDITOR" ${file ?? 'caisson.yaml'}   # resources.memoryMiB: ${needMiB}`;
  const kept = records.flatMap(({ name, spec }) => {
    if (spec === undefined || wanted.some((one) => one.name === name)) return [];
    const { image: path, memoryMiB } = spec;
    const facts = machine.stat(path);
    return [{ name, memoryMiB, image: facts === undefined ? null : { path, bytes: facts.bytes } }];
  });
  const found = [...wanted, ...kept].map(({ name, memoryMiB, image }): Look => {
    if (image === null) return note(`${name}: its image is not here, so its size is not known`);
    const needMiB = leastMemory(image.bytes);
    if (memoryMiB >= needMiB) return ok(`${name}: ${memoryMiB} MiB, ${needMiB} are needed`);
    return fail(`${name} has ${memoryMiB} MiB, four times its image are ${needMiB}`, edit(needMiB));
  });
  return found.length > 0 ? found : ok('there is no enclave');
}

function lookAtOperator({ machine, operator }: Ground): Look | readonly Look[] {
  const facts = machine.stat(operator);
  if (facts === undefined) return ok(`${operator} is not there yet; caisson operator create makes it`);
  const found: Look[] = [];
  if ((facts.mode & othersMayWrite) !== 0)
    found.push(fail(`${operator} can be written by others, mode ${facts.mode.toString(8)}`, `chmod go-w ${operator}`));
  const keys = machine.list(`${operator}/operators`).map((name) => `${operator}/operators/${name}`);
  const open = keys.filter((path) => path.endsWith('.key') && ((machine.stat(path)?.mode ?? 0) & othersMay) !== 0);
  if (open.length > 0) found.push(fail(`keys that others can read: ${open.join(', ')}`, `chmod 600 ${open.join(' ')}`));
  return found.length > 0 ? found : ok(operator);
}
