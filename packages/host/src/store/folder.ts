// Where images lie.
import { join } from 'node:path';
import { stateFolder } from '../file/index.ts';

/** The local store of images. */
export function imageStoreFolder(env: Readonly<Record<string, string | undefined>>): string {
  return join(stateFolder(env), 'images');
}
