// `caisson kms`: key policies for keys that only measured images may use (docs/kms.md). No call to KMS is made.
import type { RegisterCommand } from '../surroundings.ts';
import { registerKmsLint } from './kms-lint.ts';
import { registerKmsPolicy } from './kms-policy.ts';

export const register: RegisterCommand = (program, surroundings) => {
  const kms = program.command('kms').description('write and check AWS KMS key policies for attested enclaves');
  registerKmsPolicy(kms, surroundings);
  registerKmsLint(kms, surroundings);
};
