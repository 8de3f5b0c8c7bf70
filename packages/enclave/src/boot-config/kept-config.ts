// The two files of a taken config: what was received (0600, for the next supervisor of this boot) and the config itself (0444, for the
// application). Both appear whole or not at all. They live in a folder of the supervisor on a tmpfs, so no fsync: a power cut ends both.
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MAX_CONFIG_BYTES } from '@caisson/core/config';
import { BootRefusal } from './error-code.ts';

// Given: docs/boot-config.md.
const receivedName = 'config';
const applicationName = 'config.json';

export class KeptConfig {
  readonly #folder: string;

  /** `folder` is /run/caisson inside an enclave. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  get applicationPath(): string {
    return join(this.#folder, applicationName);
  }

  async writeReceived(bytes: Uint8Array): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o755 });
    await this.#write(receivedName, bytes, 0o600);
  }

  async writeApplication(bytes: Uint8Array): Promise<void> {
    await this.#write(applicationName, bytes, 0o444);
  }

  /** null when there is none. Rejects with BootRefusal BOOT_CONFIG_KEPT for what nobody here wrote. */
  async readReceived(): Promise<Uint8Array | null> {
    const path = join(this.#folder, receivedName);
    const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    if (found === null) return null;
    if (!found.isFile() || found.size > MAX_CONFIG_BYTES) {
      const text = `kept config ${path} must be a file of at most ${MAX_CONFIG_BYTES} bytes, got ${found.size}`;
      throw new BootRefusal('BOOT_CONFIG_KEPT', 'pcr16-locked', text);
    }
    return await readFile(path);
  }

  async forget(): Promise<void> {
    for (const name of [receivedName, applicationName]) await rm(join(this.#folder, name), { force: true });
  }

  async #write(name: string, bytes: Uint8Array, mode: number): Promise<void> {
    const temporary = join(this.#folder, `.caisson-${process.pid}-${randomBytes(6).toString('hex')}`);
    try {
      await writeFile(temporary, bytes, { mode, flag: 'wx' });
      await rename(temporary, join(this.#folder, name));
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }
}
