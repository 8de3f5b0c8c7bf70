// A policy as YAML for a file: the same fields, each with a word about what it is. Read back it gives the same policy.
import type { AttestationPolicy } from '@caisson/verify/policy';
import { Document } from 'yaml';

const meanings: Readonly<Record<number, string>> = {
  0: ' image',
  1: ' kernel, command line and boot ramdisk',
  2: ' application ramdisks',
  3: ' IAM role of the parent instance',
  4: ' id of the parent instance',
  8: ' certificate that signed the image',
  16: ' boot config',
};

export function formatPolicy({ pcrs, maxAgeSeconds, allowDevelopment, backend, ...rest }: AttestationPolicy): string {
  const document = new Document({
    v: 1,
    ...(backend !== 'nitro' && { backend }),
    pcrs: Object.fromEntries(
      Object.entries(pcrs).map(([index, values]) => [index, values.length === 1 ? values[0] : values]),
    ),
    ...(rest.image !== undefined && { image: rest.image }),
    ...(rest.config !== undefined && { config: rest.config }),
    maxAgeSeconds,
    ...(allowDevelopment && { allowDevelopment }),
    ...(rest.roots !== undefined && { roots: rest.roots }),
  });
  document.commentBefore = ' What an enclave must be. Several values of a PCR: one must hold.';
  for (const [index, meaning] of Object.entries(meanings)) {
    const value = document.getIn(['pcrs', index], true);
    if (typeof value === 'object' && value !== null) (value as { comment?: string }).comment = meaning;
  }
  return document.toString({ lineWidth: 0 });
}
