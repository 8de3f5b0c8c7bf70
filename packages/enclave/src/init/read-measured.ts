// The measured files that a supervisor begins with. They are part of the image, so a fault in one is a broken build, and the boot ends.
import {
  MAX_MEASURED_IMAGE_BYTES,
  MAX_MEASURED_INIT_BYTES,
  MAX_MEASURED_SERVICES_BYTES,
  type MeasuredImage,
  type MeasuredInit,
  type MeasuredService,
  parseMeasuredImage,
  parseMeasuredInit,
  parseMeasuredServices,
} from '@caisson/core/measured';
import { readBoundedFile } from '@caisson/link/argonaut';

export interface Measured {
  readonly image: MeasuredImage;
  readonly init: MeasuredInit;
  readonly services: readonly MeasuredService[];
}

/** `folder`: /etc/caisson. Rejects with what reading and the parsers reject, the file named. */
export async function readMeasured(folder: string): Promise<Measured> {
  const image = await readBoundedFile(`${folder}/image.json`, {
    ...{ maxBytes: MAX_MEASURED_IMAGE_BYTES, what: `measured file ${folder}/image.json` },
  });
  const init = await readBoundedFile(`${folder}/init.json`, {
    ...{ maxBytes: MAX_MEASURED_INIT_BYTES, what: `measured file ${folder}/init.json` },
  });
  const services = await readMeasuredServices(folder);
  return { image: parseMeasuredImage(image), init: parseMeasuredInit(init), services };
}

export async function readMeasuredServices(folder: string): Promise<readonly MeasuredService[]> {
  const path = `${folder}/services.json`;
  const bytes = await readBoundedFile(path, { maxBytes: MAX_MEASURED_SERVICES_BYTES, what: `measured file ${path}` });
  return parseMeasuredServices(bytes).services;
}
