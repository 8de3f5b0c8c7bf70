// Names of IAM roles and users as a key policy names principals.
import { ParseError } from '@caisson/core/errors';
import type { KmsPolicyErrorCode } from './error-code.ts';

export interface PrincipalArn {
  readonly text: string;
  /** `arn:aws:iam::111122223333:root`: everyone whom that account's IAM lets. */
  readonly accountRoot: string;
}

// Given: IAM user guide, "IAM identifiers"; wildcards would name principals that do not exist yet.
const form = /^arn:(aws|aws-cn|aws-us-gov):iam::(\d{12}):(role|user)\/[\w+=,.@/-]{1,576}$/;

/** A role, or where `kinds` says so a user. Throws ParseError KMS_POLICY_ARN. */
export function parsePrincipalArn(what: string, text: string, kinds: readonly ('role' | 'user')[]): PrincipalArn {
  const [, partition, account, kind] = form.exec(text) ?? [];
  if (partition === undefined || !kinds.some((one) => one === kind)) {
    throw new ParseError<KmsPolicyErrorCode>(
      'KMS_POLICY_ARN',
      `${what} must read arn:aws:iam::ACCOUNT:${kinds.join('|')}/NAME, got ${JSON.stringify(text.slice(0, 100))}`,
    );
  }
  return { text, accountRoot: `arn:${partition}:iam::${account}:root` };
}
