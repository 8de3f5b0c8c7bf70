// An operator's own files (docs/control.md): keys, policies, the newest versions he has seen. They say whom he trusts, so a folder that somebody else
// may write to is refused, and none of them lies where the parent or an enclave has a hand.
import { mkdir, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { CaissonError, ParseError } from '@caisson/core/errors';
import { homeFolder } from '../file/index.ts';
import type { OperatorErrorCode } from './error-code.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const nameForm = /^[A-Za-z0-9][A-Za-z0-9_.@-]{0,62}$/;
const othersMayWrite = 0o022;

/** XDG_CONFIG_HOME/caisson, else ~/.config/caisson. */
export function operatorFolder(env: Environment): string {
  const { XDG_CONFIG_HOME: xdg } = env;
  // "All paths set in these environment variables must be absolute. If [...] relative [...] ignore it."
  const base = xdg !== undefined && isAbsolute(xdg) ? xdg : join(homeFolder(env), '.config');
  return join(base, 'caisson');
}

/** Throws ParseError OPERATOR_NAME; such a name is no path. */
export function checkOperatorName(name: string): string {
  if (nameForm.test(name)) return name;
  const rule = 'be letters, digits and _ . @ -, at most 63, beginning with a letter or digit';
  throw new ParseError<OperatorErrorCode>('OPERATOR_NAME', `operator name must ${rule}, got ${JSON.stringify(name)}`);
}

/** Makes `folder` (0700) where it is not. Throws CaissonError OPERATOR_KEY_FILE for one that others may write to. */
export async function ensureOwnFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await requireOwnFolder(folder);
}

/** Throws CaissonError OPERATOR_KEY_FILE for one that others may write to, and Node-style errors. */
export async function requireOwnFolder(folder: string): Promise<void> {
  const { mode, uid } = await stat(folder);
  const own = process.getuid?.() ?? uid;
  if ((mode & othersMayWrite) === 0 && (uid === own || uid === 0)) return;
  throw new CaissonError<OperatorErrorCode>(
    'OPERATOR_KEY_FILE',
    `folder ${folder} must be its owner's alone to write to, got mode ${(mode & 0o777).toString(8)} of uid ${uid}`,
    { hint: `chmod go-w ${folder}` },
  );
}
