// Where what must outlive a command lies (docs/wire/state.md).
import { isAbsolute, join, resolve } from 'node:path';
import { homeFolder } from './home-folder.ts';

/** CAISSON_STATE, else /var/lib/caisson for root, else the state folder of the XDG base directory specification. */
export function stateFolder(env: Readonly<Record<string, string | undefined>>): string {
  const { CAISSON_STATE: own, XDG_STATE_HOME: xdg } = env;
  // Made absolute, because a shim runs in another working folder than the command that started it.
  if (own !== undefined && own !== '') return resolve(own);
  if (process.getuid?.() === 0) return '/var/lib/caisson';
  // "All paths set in these environment variables must be absolute. If [...] relative [...] ignore it."
  const base = xdg !== undefined && isAbsolute(xdg) ? xdg : join(homeFolder(env), '.local/state');
  return join(base, 'caisson');
}
