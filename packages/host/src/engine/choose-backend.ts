// Which backend `auto` means, and why, in one sentence. A machine with enclaves uses them; a virtual machine that looks like one is started only
// for whoever asks for it; everywhere else it is simulated, and said to be.
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { BackendKind } from '../backend/index.ts';
import type { BackendChoice } from './command.ts';

export interface ChosenBackend {
  readonly backend: BackendKind;
  readonly why: string;
}

// Given: the driver's device.
const device = 'dev/nitro_enclaves';

export function chooseBackend(
  choice: BackendChoice,
  env: Readonly<Record<string, string | undefined>>,
  devicePath: string = join(env['CAISSON_NITRO_ROOT'] || '/', device),
): ChosenBackend {
  if (choice !== 'auto') return { backend: choice, why: 'asked for' };
  const hasDevice = existsSync(devicePath);
  if (hasDevice && isOnPath('nitro-cli', env)) return { backend: 'nitro', why: `/${device} and nitro-cli are here` };
  const lacks = hasDevice ? 'no nitro-cli on PATH' : `no /${device} on this machine`;
  return { backend: 'sim', why: `${lacks}; --backend qemu boots it in a virtual machine` };
}

function isOnPath(program: string, env: Readonly<Record<string, string | undefined>>): boolean {
  return (env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return folder !== '';
    } catch {
      return false;
    }
  });
}
