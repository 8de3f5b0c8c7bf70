// What every document of ours says of the enclave that asked for it, whoever it is for.
import { parseHex } from '@caisson/core/bytes';
import type { MeasuredImage } from '@caisson/core/measured';
import type { EnclaveFacts } from '@caisson/link/control';
import type { AcceptedConfig } from '../boot-config/index.ts';

export interface DescribedEnclave {
  readonly image: MeasuredImage;
  readonly config: AcceptedConfig;
  /** Hex, 16 bytes. */
  readonly bootId: string;
}

export function describeEnclave({ image, config, bootId }: DescribedEnclave): EnclaveFacts {
  // A policy's least version is a number; an image whose version is none can only be pinned by its PCRs.
  const isNumber = /^(?:0|[1-9][0-9]{0,14})$/.test(image.version);
  return {
    bootId: parseHex(bootId),
    profile: image.profile,
    configVersion: config.signed?.version ?? null,
    configSha384: parseHex(config.sha384),
    imageVersion: isNumber ? Number(image.version) : image.version,
  };
}
