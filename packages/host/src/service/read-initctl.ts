// initctl.yaml on the side of people: found where it is named or usual, refused when it cannot be meant.
import { utf8Text } from '@caisson/core/bytes';
import { CaissonError } from '@caisson/core/errors';
import { checkInitctlConfig, type InitctlConfig, MAX_INITCTL_CONFIG_BYTES } from '@caisson/link/init/initctl';
import { readWithin } from '../file/index.ts';
import { parseLocatedYaml } from '../located-yaml/index.ts';

// Given: the reference's place.
const defaultFile = '/etc/initctl.yaml';

/**
 * `named`: by flag or environment; undefined: the usual file, or nothing where there is none. Throws INITCTL_CONFIG for a file that
 * cannot be read or has a fault.
 */
export async function readInitctlConfig(named: string | undefined): Promise<InitctlConfig> {
  const file = named ?? defaultFile;
  let text: string;
  try {
    const bytes = await readWithin(file, MAX_INITCTL_CONFIG_BYTES);
    if (!(bytes instanceof Uint8Array)) {
      const { isFile, size } = bytes;
      const rule = isFile ? `have at most ${MAX_INITCTL_CONFIG_BYTES} bytes, got ${size}` : 'be a regular file';
      throw new Error(`it must ${rule}`);
    }
    text = utf8Text(bytes);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (named === undefined && code === 'ENOENT') return {};
    throw new CaissonError('INITCTL_CONFIG', `${file} cannot be read: ${message}`, { cause });
  }
  const yaml = parseLocatedYaml(text, { what: 'initctl.yaml', maxCharacters: MAX_INITCTL_CONFIG_BYTES });
  const [fault] = yaml.faults;
  if (fault === undefined) return checkInitctlConfig(yaml.value, file);
  throw new CaissonError('INITCTL_CONFIG', `${file}:${fault.line}:${fault.column}: ${fault.message}`);
}
