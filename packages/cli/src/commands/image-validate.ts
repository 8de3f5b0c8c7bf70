// `caisson image validate`: every fault of an image; exit 2 when there is one.
import { withExitAction } from '../exit-action.ts';
import { EXIT_OK, EXIT_REFUSED } from '../exit-code.ts';
import { parseMoment, withImage } from '../image-argument.ts';
import { faultFacts, faultLine } from '../image-report.ts';
import { jsonText } from '../json-text.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';

interface Flags {
  readonly at?: string;
  readonly json?: true;
}

export const registerImageValidate: RegisterCommand = (image, surroundings) => {
  const command = image
    .command('validate <image>')
    .description('list every fault of an image: form, checksum, signature, dates, names in ramdisks; exit 2 for any')
    .option('--at <unix>', 'the moment for the dates of the certificate, unix seconds; default now')
    .option('--json', 'print one JSON document');
  withExitAction(command, (path: string, flags: Flags) => validate(path, flags, surroundings));
};

async function validate(path: string, { at, json }: Flags, surroundings: Surroundings): Promise<number> {
  const { stdout } = surroundings;
  const moment = parseMoment(at);
  const { inspectImage } = await import('@caisson/host/image');
  const { ParseError } = await import('@caisson/core/errors');
  const faults = await withImage(
    path,
    async (file) => {
      try {
        return (await inspectImage(file, moment)).faults;
      } catch (error) {
        // Nothing of it could be described, which is a fault like another.
        if (error instanceof ParseError) return [error];
        throw error;
      }
    },
    surroundings,
  );
  const ok = faults.length === 0;
  if (json) stdout.write(`${jsonText({ v: 1, ok, faults: faultFacts(faults) })}\n`);
  else stdout.write(ok ? `ok: ${path} has no fault\n` : faults.map((fault) => `${faultLine(fault)}\n`).join(''));
  return ok ? EXIT_OK : EXIT_REFUSED;
}
