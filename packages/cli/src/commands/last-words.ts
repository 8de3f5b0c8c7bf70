// `caisson last-words`: what an enclave said before it went, from the file that its host kept, by its path or by the enclave's name. Sealed words open for the key of which the
// image measures the public half, here and not on the host that carried them.
import type { KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { plain } from '@caisson/core/log';
import type { SeenWords } from '@caisson/link/ready';
import { openEnclaveSource } from '../enclave-source.ts';
import { UsageError } from '../exit-code.ts';
import { jsonText } from '../json-text.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';

interface Flags {
  readonly key?: string;
  readonly json?: true;
}

const maxKeyBytes = 16_384;

export const register: RegisterCommand = (program, surroundings) => {
  program
    .command('last-words')
    .argument('<enclave>', 'an enclave of this host by name, or a last-words.json')
    .description('show what an enclave said before it went; opens sealed words with --key')
    .option('--key <pem>', 'the X25519 private key whose public half the image measures')
    .option('--json', 'print one JSON document')
    .action(async (word: string, { key: keyFile, json }: Flags) => {
      const { readLastWords } = await import('@caisson/host/ready');
      const { wordsFacts, wordsLines } = await import('../ready-report.ts');
      const { words, ...about } = await readLastWords(await fileOf(word, surroundings));
      const key = keyFile === undefined ? undefined : await readKey(keyFile);
      const opened = key === undefined ? words : await openAll(words, key, about.bootId);
      const { stdout } = surroundings;
      if (json) {
        stdout.write(`${jsonText({ v: 1, ...about, words: wordsFacts(opened) })}\n`);
        return;
      }
      const { cid, bootId, profile, phase, final, seenAt } = about;
      const end = final === null ? 'no last line' : `exit ${final.exit}, ${plain(final.code)}`;
      const head = [
        `enclave    ${cid}, ${profile}`,
        `boot       ${bootId}`,
        `phase      ${phase}, ${end}`,
        `seen       ${seenAt}`,
      ];
      stdout.write(`${[...head, ...wordsLines(opened)].join('\n')}\n`);
    });
};

/** A file stays one, whatever enclaves there are. Throws CaissonError RECORD_UNKNOWN with the names that there are. */
async function fileOf(word: string, surroundings: Pick<Surroundings, 'env'>): Promise<string> {
  const { enclaveFolder, isEnclaveName } = await import('@caisson/host/record');
  if (existsSync(word) || !isEnclaveName(word)) return word;
  const source = await openEnclaveSource(surroundings);
  return enclaveFolder(source.state, (await source.find(word)).name).lastWords;
}

async function readKey(path: string): Promise<KeyObject> {
  const { createPrivateKey } = await import('node:crypto');
  const { readBoundedFile } = await import('@caisson/link/argonaut');
  const bytes = await readBoundedFile(path, { maxBytes: maxKeyBytes, what: `key ${path}` });
  try {
    return createPrivateKey(Buffer.from(bytes));
  } catch {
    throw new UsageError(`--key ${path} must be a private key in PEM, unencrypted`);
  }
}

async function openAll(words: readonly SeenWords[], key: KeyObject, bootId: string): Promise<SeenWords[]> {
  const { openLastWords } = await import('@caisson/link/ready');
  const { VerificationError } = await import('@caisson/core/errors');
  return words.map((one) => {
    if (!('sealed' in one)) return one;
    const { service, bootId: boot, lines } = openLastWords(one.sealed, key);
    // The host wrote the file: a box of another boot or service under this name is his doing.
    if (service !== one.service || boot !== bootId) {
      throw new VerificationError(
        'READY_WORDS_OPEN',
        `last words of ${one.service} in boot ${bootId} were sealed by ${service} in boot ${boot}`,
      );
    }
    return { service, lines };
  });
}
