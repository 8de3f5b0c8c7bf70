// nitro-cli: whether it is there, of which version, with which blobs, and what it has left in its logs.
import { readNitroFailure } from '../../explain/index.ts';
import { type Check, count, fail, joinGroup, type Look, note, ok, warn } from '../check.ts';
import type { Ground } from '../ground.ts';
import { packageCommand } from '../package-command.ts';
import { MAX_ENCLAVES } from '../parent.ts';

const defaultBlobs = '/usr/share/nitro_enclaves/blobs';
const sockets = '/run/nitro_enclaves';
const logs = '/var/log/nitro_enclaves';

export const nitroToolChecks: readonly Check[] = [
  {
    id: 'nitro-cli',
    group: 'nitro',
    looksAt: 'nitro-cli in PATH and its version',
    matters: 'caisson starts enclaves through it; before 1.1 it tells neither names nor measurements',
    prevents: ['nitro'],
    look: ({ machine, nitroCli }) => {
      if (nitroCli === null) return fail('no nitro-cli in PATH', packageCommand('nitroCli', machine));
      const { version } = nitroCli;
      if (version === undefined) return warn('nitro-cli does not say its version', 'nitro-cli --version');
      const [major = 0, minor = 0] = version.split('.').map(Number);
      return major > 1 || (major === 1 && minor >= 1)
        ? ok(`nitro-cli ${version}`)
        : fail(`nitro-cli ${version}, at least 1.1 is needed`, packageCommand('nitroCliUpgrade', machine));
    },
  },
  {
    id: 'nitro-blobs',
    group: 'nitro',
    looksAt: 'the kernel of AWS for enclaves, in NITRO_CLI_BLOBS',
    matters: '`kernel: aws` in caisson.yaml takes it; a kernel of your own needs none of it',
    prevents: [],
    look: ({ machine, nitroCli }) => {
      const named = machine.env['NITRO_CLI_BLOBS'];
      if (nitroCli === null && named === undefined) return note('they come with nitro-cli');
      const folder = named ?? defaultBlobs;
      const kernel = machine.architecture === 'arm64' ? 'Image' : 'bzImage';
      const missing = [kernel, 'cmdline', 'init', 'nsm.ko'].filter(
        (name) => machine.stat(`${folder}/${name}`) === undefined,
      );
      if (missing.length > 0) {
        const found = `no ${missing.join(', ')} in ${folder}`;
        return named === undefined
          ? note(found, packageCommand('nitroBlobs', machine))
          : warn(found, `export NITRO_CLI_BLOBS=${defaultBlobs}`);
      }
      const version = / (\d+\.\d+\.\d+)\S* Kernel Configuration/.exec(
        machine.readText(`${folder}/${kernel}.config`) ?? '',
      )?.[1];
      if (version?.startsWith('4.') === true)
        return note(
          `the kernel in ${folder} is Linux ${version}, of an old generation`,
          'caisson kernel build   # one of your own',
        );
      return ok(`${folder}${version === undefined ? '' : `, Linux ${version}`}`);
    },
  },
  {
    id: 'nitro-folders',
    group: 'nitro',
    looksAt: `${sockets} and ${logs}`,
    matters:
      'nitro-cli keeps a socket for each enclave in one and what went wrong in the other; E07 and E18 come from there',
    prevents: [],
    look: ({ machine, nitroCli }) => {
      if (nitroCli === null) return note('they come with nitro-cli');
      const own = machine.env['NITRO_CLI_SOCKETS_PATH'] ?? sockets;
      const refused = [own, logs].filter((path) => machine.stat(path) !== undefined && !machine.mayUse(path));
      if (machine.stat(own) === undefined) return warn(`no ${own}`, 'sudo systemd-tmpfiles --create');
      if (refused.length > 0)
        return warn(`${refused.join(' and ')} cannot be written by ${machine.userName}`, joinGroup('ne'));
      return ok('both can be written');
    },
  },
  {
    id: 'nitro-enclaves',
    group: 'nitro',
    looksAt: 'enclaves that run by nitro-cli describe-enclaves',
    matters: `a parent has at most ${MAX_ENCLAVES}; a debug enclave proves nothing, whatever its registers are said to be`,
    prevents: [],
    look: ({ nitroCli }) => {
      if (nitroCli === null) return note('there is no nitro-cli to ask');
      const { enclaves, fault } = nitroCli;
      if (enclaves === null) return warn(`nitro-cli cannot say: ${fault ?? ''}`, 'nitro-cli describe-enclaves');
      if (enclaves.length === 0) return ok('none runs');
      const text = enclaves
        .map(({ name, cid, memoryMiB }) => `${name} (CID ${cid ?? '?'}, ${memoryMiB} MiB)`)
        .join(', ');
      const debug = enclaves.filter(({ isDebug }) => isDebug).map(({ name }) => name);
      const found: Look[] = [];
      if (debug.length > 0)
        found.push(note(`in debug mode, with registers of zeros in their documents: ${debug.join(', ')}`));
      if (enclaves.length >= MAX_ENCLAVES)
        found.push(note(`${enclaves.length} run, and no more fit: ${text}`, 'caisson stop NAME'));
      return found.length > 0 ? found : ok(`${count(enclaves.length, 'enclave')}: ${text}`);
    },
  },
  {
    id: 'nitro-log',
    group: 'nitro',
    looksAt: `the newest err*.log in ${logs}`,
    matters: 'one failure shows as several codes; the first that is no consequence is the cause',
    prevents: [],
    look: lookAtLog,
  },
];

function lookAtLog({ machine }: Ground): Look {
  // Their names have the time, and so their order.
  const newest = machine
    .list(logs)
    // Members of the group may write there, and the name becomes part of a command.
    .filter((name) => /^err[\w.:+-]*\.log$/.test(name))
    .at(-1);
  if (newest === undefined) return ok('no failure is recorded');
  const text = machine.readText(`${logs}/${newest}`) ?? '';
  const cause = readNitroFailure(text.replace(/\b(E\d\d)\b/g, '[ $1 ]'), null);
  if (cause === undefined) return note(`${newest} has no code`, `sudo cat ${logs}/${newest}`);
  return note(`${newest}: ${cause.code} ${cause.name}, ${cause.cause}`, `caisson explain ${cause.code}`);
}
