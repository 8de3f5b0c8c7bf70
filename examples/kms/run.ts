// The whole flow in one command: a stand-in for KMS, the enclave, a key policy with its measurements, a secret encrypted for it, and a MAC under that
// secret. The enclave is taken down at the end.
import { spawnSync } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { findPolicy } from '@caisson/host/operator';
import { choosePort } from '../client/choose-port.ts';
import { askForMac } from './client.ts';
import { encryptionContext } from './src/protocol.ts';
import { startStandIn } from './stand-in.ts';

const program = join(import.meta.dirname, '../../packages/cli/bin/caisson.js');
const composeFile = join(import.meta.dirname, 'caisson.yaml');

const kms = await startStandIn();
const port = await choosePort(process.argv[2] ?? '0');
const env = {
  ...process.env,
  KMS_HOST: 'localhost',
  KMS_PORT: String(kms.port),
  KMS_CA: kms.ca,
  KMS_KEY: kms.keyArn,
  KMS_EXAMPLE_PORT: String(port),
  AWS_ACCESS_KEY_ID: kms.credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: kms.credentials.secretAccessKey,
  AWS_SESSION_TOKEN: kms.credentials.sessionToken,
};
const caisson = (...words: string[]): number =>
  spawnSync(process.execPath, [program, ...words, '-f', composeFile], { stdio: 'inherit', env }).status ?? 1;

try {
  process.exitCode = caisson('up', '--backend', 'sim');
  if (process.exitCode === 0) await show();
} finally {
  caisson('down');
  await kms.close();
}

async function show(): Promise<void> {
  const secret = randomBytes(32);
  const request = { ciphertext: kms.encrypt(secret, encryptionContext), message: 'pay 5 to bob' };
  const url = `http://127.0.0.1:${port}`;
  const before = await askForMac(url, request).catch((error: Error) => error.message);
  console.log(`\nno policy yet   ${before}`);
  // On AWS: `caisson kms policy --eif IMAGE --role ARN` writes what `put-key-policy` takes.
  const { policy } = await findPolicy({ env, enclave: 'kms', folder: '/' });
  kms.allow({ ...policy, pcrs: { 0: ['ab'.repeat(48)] } });
  const other = await askForMac(url, request).catch((error: Error) => error.message);
  console.log(`another image   ${other}`);
  kms.allow(policy);
  const mac = await askForMac(url, request);
  const isRight = mac === createHmac('sha256', secret).update(request.message).digest('hex');
  console.log(`this image      ${mac} ${isRight ? '(the MAC that the owner of the secret computes)' : 'WRONG'}`);
  for (const line of kms.log) console.log(`stand-in        ${line.slice(0, 100)}`);
  process.exitCode = isRight ? 0 : 1;
}
