// Caisson as these scripts use it: as anybody does, by its command line, with keys and policies of the script's own. Off hardware the state is its own too;
// on hardware it is the machine's, because only one enclave may boot there at a time, whoever starts it.
import { join } from 'node:path';
import { type ChildOptions, type ChildResult, runChild } from './child.ts';
import { programWords } from './home.ts';

export interface Caisson {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Resolves with its standard output; rejects with its last words when it does not end with 0. */
  run(words: readonly string[], options?: Partial<ChildOptions>): Promise<string>;
  /** Whatever it ends with. */
  try(words: readonly string[], options?: Partial<ChildOptions>): Promise<ChildResult>;
}

// Chosen: the slowest is a build, which may have to make the runtime archive first.
const deadlineMs = 600_000;

export interface CaissonOptions {
  /** The script's own. */
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly isHardware: boolean;
  readonly stop: AbortSignal;
}

/** Whether nitro-cli is one that is not on hardware, whose AF_VSOCK is what CAISSON_VSOCK says (docs/shim.md): of tests alone. */
export function isStandIn(env: NodeJS.ProcessEnv): boolean {
  return env['CAISSON_NITRO_ROOT'] !== undefined && env['CAISSON_NITRO_ROOT'] !== '';
}

/** What stands in results: nobody may take figures of a stand-in for those of hardware. */
export function nameGround(backend: string, env: NodeJS.ProcessEnv): string {
  return backend === 'nitro' && isStandIn(env) ? 'nitro-stand-in' : backend;
}

/** What a caller of the script has set for enclaves of his own does not hold here. */
export function createCaisson({ folder, env, isHardware, stop }: CaissonOptions): Caisson {
  const own = {
    ...env,
    ...(isHardware ? {} : { CAISSON_STATE: join(folder, 'state') }),
    XDG_CONFIG_HOME: join(folder, 'config'),
    CAISSON_VSOCK: isHardware && isStandIn(env) ? env['CAISSON_VSOCK'] : undefined,
    CAISSON_CID: undefined,
    CAISSON_NSM: undefined,
    CAISSON_OPERATOR: undefined,
  };
  const attempt: Caisson['try'] = (words, options) =>
    runChild([...programWords(), ...words], { env: own, deadlineMs, stop, ...options });
  return {
    env: own,
    try: attempt,
    async run(words, options) {
      const { code, stdout, stderr } = await attempt(words, options);
      if (code === 0) return stdout;
      throw new Error(`caisson ${words[0]} ended with ${code}: ${(stderr || stdout).trim().slice(-1_500)}`);
    },
  };
}
