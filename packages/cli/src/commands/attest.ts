// `caisson attest`: attestation documents for those who rely on them, and for those who answer.
import type { RegisterCommand } from '../surroundings.ts';
import { registerAttestCompare } from './attest-compare.ts';
import { registerAttestDocument } from './attest-document.ts';
import { registerAttestPolicy } from './attest-policy.ts';
import { registerAttestShow } from './attest-show.ts';
import { registerAttestVerify } from './attest-verify.ts';

export const register: RegisterCommand = (program, surroundings) => {
  const attest = program.command('attest').description('verify attestation documents, show them, and write policies');
  for (const registerVerb of [
    registerAttestVerify,
    registerAttestShow,
    registerAttestPolicy,
    registerAttestDocument,
    registerAttestCompare,
  ]) {
    registerVerb(attest, surroundings);
  }
};
