// Writes a key policy under which a key gives plaintext to measured images only. The Allow says who may ask; the Denies are
// what holds when somebody adds a statement, a grant or an IAM policy later, because a Deny wins over all of them.
import { toHex } from '@caisson/core/bytes';
import type { EifMeasurements } from '@caisson/core/eif';
import { ParseError, PolicyError } from '@caisson/core/errors';
import { PCR_BYTES, PCR_COUNT } from '@caisson/core/nitro';
import { ADMIN_ACTIONS, ATTESTED_ACTIONS, BYPASS_ACTIONS, IMAGE_KEY, PCR_KEY_PREFIX } from './action.ts';
import { parsePrincipalArn } from './arn.ts';
import type { KmsPolicyErrorCode } from './error-code.ts';

export interface KeyPolicyOptions {
  /** Every image that may use the key: one, or several while one replaces another. */
  readonly images: readonly EifMeasurements[];
  /** The role whose credentials the enclave signs its requests with. */
  readonly role: string;
  /** A role or user that looks after the key without using it. Default: whom the account's IAM lets. */
  readonly admin?: string;
  /** More registers by index, 3 to 31, as hex: 3 the parent's role, 8 the signer, 16 the boot config. */
  readonly pcrs?: Readonly<Record<number, string>>;
}

/** JSON as KMS takes it. */
export interface KeyPolicy {
  readonly Version: '2012-10-17';
  readonly Id: string;
  readonly Statement: readonly Readonly<Record<string, unknown>>[];
}

// Chosen: an overlap during a roll-out, and far below the 32 KiB that KMS takes.
const maxImages = 8;

/** Throws ParseError KMS_POLICY_ARN or KMS_POLICY_PCR, PolicyError KMS_POLICY_ZERO, TypeError for no image or too many. */
export function createKeyPolicy({ images, role, admin, pcrs = {} }: KeyPolicyOptions): KeyPolicy {
  const user = parsePrincipalArn('role', role, ['role']);
  const keeper = admin === undefined ? user.accountRoot : parsePrincipalArn('admin', admin, ['role', 'user']).text;
  if (keeper === user.text) {
    throw new PolicyError<KmsPolicyErrorCode>(
      'KMS_POLICY_ARN',
      `admin must be another principal than the role, which could rewrite the policy, got ${keeper} for both`,
    );
  }
  const pins = collectPins(images, pcrs);
  const attested = [...ATTESTED_ACTIONS];
  const denyEveryone = { Effect: 'Deny', Principal: '*', Resource: '*' };
  return {
    Version: '2012-10-17',
    Id: 'caisson-enclave-key-1',
    Statement: [
      {
        Sid: 'Administration',
        Effect: 'Allow',
        Principal: { AWS: keeper },
        Action: [...ADMIN_ACTIONS],
        Resource: '*',
      },
      {
        Sid: 'AttestedUse',
        Effect: 'Allow',
        Principal: { AWS: user.text },
        Action: attested,
        Resource: '*',
        Condition: { StringEqualsIgnoreCase: Object.fromEntries(pins) },
      },
      // One statement per key: conditions of one statement are joined by AND, and a Deny that asks for all of them to differ
      // lets through what differs in one. A negated operator holds for an absent key too, so no document at all is denied.
      ...[...pins].map(([key, values]) => ({
        Sid: `Deny${key.replace(/^.*:/, '')}`,
        ...denyEveryone,
        Action: attested,
        Condition: { StringNotEqualsIgnoreCase: { [key]: values } },
      })),
      { Sid: 'DenyWaysAround', ...denyEveryone, Action: [...BYPASS_ACTIONS] },
      {
        // By its ARN as a condition: a principal of that name made anew would be another one to the Principal element.
        Sid: 'DenyRoleAllElse',
        ...denyEveryone,
        NotAction: [...attested, 'kms:DescribeKey'],
        Condition: { ArnEquals: { 'aws:PrincipalArn': user.text } },
      },
    ],
  };
}

// PCR0 alone does not fix where one ramdisk ends and the next begins: an image is pinned by all three (docs/wire/eif.md).
function collectPins(
  images: readonly EifMeasurements[],
  pcrs: Readonly<Record<number, string>>,
): Map<string, string[]> {
  if (images.length === 0 || images.length > maxImages) {
    throw new TypeError(`images must be 1 to ${maxImages}, got ${images.length}`);
  }
  const pins = new Map<string, string[]>();
  const add = (key: string, index: number, hex: string): void => {
    if (/^0*$/.test(hex)) {
      throw new PolicyError<KmsPolicyErrorCode>(
        'KMS_POLICY_ZERO',
        `PCR${index} must not be zero in a key policy, which any enclave in debug mode fulfils`,
      );
    }
    const values = pins.get(key) ?? [];
    if (!values.includes(hex)) pins.set(key, [...values, hex]);
  };
  for (const { pcr0, pcr1, pcr2 } of images) {
    add(IMAGE_KEY, 0, toHex(pcr0));
    add(`${PCR_KEY_PREFIX}1`, 1, toHex(pcr1));
    add(`${PCR_KEY_PREFIX}2`, 2, toHex(pcr2));
  }
  for (const [index, value] of Object.entries(pcrs)) {
    add(`${PCR_KEY_PREFIX}${index}`, Number(index), checkedPcr(Number(index), value));
  }
  return pins;
}

function checkedPcr(index: number, value: string): string {
  const isOther = Number.isInteger(index) && index > 2 && index < PCR_COUNT;
  if (isOther && new RegExp(`^[0-9a-fA-F]{${2 * PCR_BYTES}}$`).test(value)) return value.toLowerCase();
  throw new ParseError<KmsPolicyErrorCode>(
    'KMS_POLICY_PCR',
    `PCR${index} in a key policy must have an index in 3..${PCR_COUNT - 1} (the image gives 0 to 2) and ` +
      `${2 * PCR_BYTES} hex digits, got ${value.length} characters`,
  );
}
