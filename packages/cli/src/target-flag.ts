// Which images something is signed for: by PCR0, by files, or by the label that they measure.
import { UsageError } from './exit-code.ts';
import { parseHexOption } from './nsm-argument.ts';

export interface TargetFlags {
  readonly eif?: readonly string[];
  readonly pcr0?: readonly string[];
  readonly label?: string;
}

/** Throws UsageError unless exactly one way is used. */
export async function readTarget({ eif = [], pcr0 = [], label }: TargetFlags) {
  if ((label === undefined) === (eif.length + pcr0.length === 0)) {
    throw new UsageError('give either --label, or images by --eif and --pcr0');
  }
  if (label !== undefined) return { kind: 'label', label } as const;
  const values: Uint8Array[] = pcr0.map((hex) => parseHexOption('--pcr0', hex, 48));
  for (const file of eif) {
    const { readImageMeasurements } = await import('@caisson/host/image');
    values.push((await readImageMeasurements(file)).pcr0);
  }
  return { kind: 'pcr0', values } as const;
}
