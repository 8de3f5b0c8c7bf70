// `caisson image verify`: an image against the signed statement of who built it. Exit 0 when everything holds, else 2.
import { plain } from '@caisson/core/log';
import { resolveImage } from '../image-argument.ts';
import type { RegisterCommand } from '../surroundings.ts';

interface Flags {
  readonly statement?: string;
  readonly key: string;
  readonly json?: true;
}

// Chosen: a manifest names every file.
const maxStatementBytes = 268_435_456;
const maxKeyBytes = 65_536;

export const registerImageVerify: RegisterCommand = (image, surroundings) => {
  image
    .command('verify <image>')
    .description('hold an image against the signed manifest of its builder; exit 2 when it does not hold')
    .requiredOption('--key <file>', 'the builder’s public key or certificate, as PEM')
    .option('--statement <file>', 'default: IMAGE.intoto.json')
    .option('--json', 'print one JSON document')
    .action(async (text: string, { statement, key, json }: Flags) => {
      const { verifyStatement, verifySubject } = await import('@caisson/host/statement');
      const { measureImage } = await import('@caisson/host/image');
      const { readBoundedFile } = await import('@caisson/link/argonaut');
      const path = await resolveImage(text, surroundings);
      const from = statement ?? `${path}.intoto.json`;
      const envelope = await readBoundedFile(from, { maxBytes: maxStatementBytes, what: `statement ${from}` });
      const pem = await readBoundedFile(key, { maxBytes: maxKeyBytes, what: `key ${key}` });
      const verified = verifyStatement(Buffer.from(envelope).toString(), pem);
      await verifySubject(verified, path);
      const measurements = await measureImage(path);
      const { stdout } = surroundings;
      const { name, digest } = verified.subject;
      if (json) stdout.write(`${JSON.stringify({ v: 1, ok: true, subject: { name, ...digest }, measurements })}\n`);
      else {
        const lines = Object.entries(measurements).map(([register, value]) => `${register} ${value}`);
        stdout.write(`ok: the key signed this image as ${plain(name)}\n${lines.join('\n')}\n`);
      }
    });
};
