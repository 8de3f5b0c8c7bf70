// Who asks KMS: AWS credentials of the boot config, which the parent brings. They need not be trusted, and the schema of the image lets the parent say
// nothing else: with other credentials KMS refuses, or decrypts under the same key for the same image all the same.
import { readFileSync } from 'node:fs';
import type { Credentials } from './sign-request.ts';

/** Where an enclave keeps the config that it has taken (docs/boot-config.md). */
const configFile = '/run/caisson/config.json';

/** The supervisor has held the file to the schema of caisson.yaml before this program was started. */
export function readCredentials(file = configFile): Credentials {
  const { aws } = JSON.parse(readFileSync(file, 'utf8')) as { aws: Required<Credentials> };
  const { sessionToken, ...lasting } = aws;
  return sessionToken === '' ? lasting : aws;
}
