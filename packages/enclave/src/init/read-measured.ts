// The measured files that a supervisor begins with. They are part of the image, so a fault in one is a broken build, and the boot ends.
import {
  MAX_MEASURED_IMAGE_BYTES,
  MAX_MEASURED_INIT_BYTES,
  MAX_MEASURED_OPERATORS_BYTES,
  MAX_MEASURED_SERVICES_BYTES,
  type MeasuredImage,
  type MeasuredInit,
  type MeasuredOperators,
  type MeasuredService,
  parseMeasuredImage,
  parseMeasuredInit,
  parseMeasuredOperators,
  parseMeasuredServices,
} from '@caisson/core/measured';
import { readBoundedFile } from '@caisson/link/argonaut';

export interface Measured {
  readonly image: MeasuredImage;
  readonly init: MeasuredInit;
  readonly services: readonly MeasuredService[];
  /** null: an image without the component `control`, which nobody can command from outside. */
  readonly operators: MeasuredOperators | null;
}

/**
 * `folder`: /etc/caisson. `initFile`: INIT_CONFIG, the compiled init.yaml under another name; PID 1 hands no variable on, so only the measured words
 * that start a supervisor can set it. Rejects with what reading and the parsers reject, the file named.
 */
export async function readMeasured(folder: string, initFile = `${folder}/init.json`): Promise<Measured> {
  const image = await readBoundedFile(`${folder}/image.json`, {
    maxBytes: MAX_MEASURED_IMAGE_BYTES,
    what: `measured file ${folder}/image.json`,
  });
  const init = await readBoundedFile(initFile, {
    maxBytes: MAX_MEASURED_INIT_BYTES,
    what: `measured file ${initFile}`,
  });
  const services = await readMeasuredServices(folder);
  const measured = parseMeasuredImage(image);
  const operators = measured.components.includes('control') ? await readMeasuredOperators(folder) : null;
  return { image: measured, init: parseMeasuredInit(init), services, operators };
}

export async function readMeasuredServices(folder: string): Promise<readonly MeasuredService[]> {
  const path = `${folder}/services.json`;
  const bytes = await readBoundedFile(path, { maxBytes: MAX_MEASURED_SERVICES_BYTES, what: `measured file ${path}` });
  return parseMeasuredServices(bytes).services;
}

async function readMeasuredOperators(folder: string): Promise<MeasuredOperators> {
  const path = `${folder}/operators.json`;
  const bytes = await readBoundedFile(path, { maxBytes: MAX_MEASURED_OPERATORS_BYTES, what: `measured file ${path}` });
  return parseMeasuredOperators(bytes);
}
