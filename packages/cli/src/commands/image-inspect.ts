// `caisson image inspect`: what an image is, sound or not. It describes; `image validate` judges.

import { parseMoment, withImage } from '../image-argument.ts';
import { inspectionFacts, inspectionLines } from '../image-report.ts';
import { jsonText } from '../json-text.ts';
import type { RegisterCommand } from '../surroundings.ts';

export const registerImageInspect: RegisterCommand = (image, surroundings) => {
  image
    .command('inspect <image>')
    .description('show sections, measurements, signature, metadata and what is in the ramdisks, of damaged images too')
    .option('--at <unix>', 'the moment for the dates of the certificate, unix seconds; default now')
    .option('--json', 'print one JSON document')
    .action(async (path: string, { at, json }: { readonly at?: string; readonly json?: true }) => {
      const moment = parseMoment(at);
      const { inspectImage } = await import('@caisson/host/image');
      const inspection = await withImage(path, (file) => inspectImage(file, moment), surroundings);
      surroundings.stdout.write(
        json ? `${jsonText(inspectionFacts(inspection))}\n` : `${inspectionLines(inspection).join('\n')}\n`,
      );
    });
};
