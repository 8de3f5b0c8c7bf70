// `caisson image diff`: which section, which file, which field differs. Exit 0 for the same bytes, 2 for others.
import { plain } from '@caisson/core/log';
import { withExitAction } from '../exit-action.ts';
import { EXIT_OK, EXIT_REFUSED } from '../exit-code.ts';
import { withImage } from '../image-argument.ts';
import { jsonText } from '../json-text.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';

export const registerImageDiff: RegisterCommand = (image, surroundings) => {
  const command = image
    .command('diff <left> <right>')
    .description('name every section, file and field in which two images differ; exit 0 when they are equal, else 2')
    .option('--json', 'print one JSON document');
  withExitAction(command, (left: string, right: string, flags: { readonly json?: true }) =>
    diff(left, right, flags, surroundings),
  );
};

async function diff(
  left: string,
  right: string,
  { json }: { readonly json?: true },
  surroundings: Surroundings,
): Promise<number> {
  const { stdout } = surroundings;
  const { compareImages } = await import('@caisson/host/image');
  const { isEqual, isMeasuredEqual, differences } = await withImage(
    left,
    (one) => withImage(right, (other) => compareImages(one, other), surroundings),
    surroundings,
  );
  if (json) {
    stdout.write(`${jsonText({ v: 1, equal: isEqual, measuredEqual: isMeasuredEqual, differences })}\n`);
  } else {
    const text = (value: string | null): string => (value === null ? 'absent' : plain(value));
    for (const { place, left: one, right: other } of differences) {
      stdout.write(`${plain(place)}: ${text(one)} | ${text(other)}\n`);
    }
    const measured = isMeasuredEqual ? 'PCR0, PCR1 and PCR2 are the same' : 'the measurements differ';
    stdout.write(isEqual ? 'EQUAL: the same bytes\n' : `DIFFERENT: ${measured}\n`);
  }
  return isEqual ? EXIT_OK : EXIT_REFUSED;
}
