// The keys of a build, opened before anything is built.
import type { BuildOptions } from '@caisson/host/build';
import type { BuildCommandFlags } from './build-session.ts';
import { UsageError } from './exit-code.ts';
import { readSigner } from './signing-argument.ts';
import type { Surroundings } from './surroundings.ts';

// Chosen.
const maxKeyBytes = 65_536;

export interface OpenedSigning extends Pick<BuildOptions, 'signature' | 'state'> {
  /** Signs an image file as the build would sign its own. */
  readonly finish?: (path: string) => Promise<void>;
}

/** Throws UsageError, and what opening the keys throws. */
export async function openSigning(
  { sign, cert, signManifest }: BuildCommandFlags,
  surroundings: Pick<Surroundings, 'env'>,
): Promise<OpenedSigning> {
  if ((sign === undefined) !== (cert === undefined)) throw new UsageError('--sign and --cert must stand together');
  return {
    ...(sign !== undefined && (await openSignature(sign, cert!, surroundings))),
    ...(signManifest !== undefined && { state: await openState(signManifest, surroundings) }),
  };
}

async function openSignature(
  key: string,
  certificate: string,
  surroundings: Pick<Surroundings, 'env'>,
): Promise<Required<Pick<OpenedSigning, 'signature' | 'finish'>>> {
  const { measureCertificate, signImage, signMeasurement } = await import('@caisson/host/image');
  const signer = await readSigner(key, certificate, surroundings);
  const pcr8 = await measureCertificate(signer.certificatePem);
  return {
    signature: { pcr8, sign: (pcr0) => signMeasurement(pcr0, signer) },
    finish: async (path) => void (await signImage(path, signer)),
  };
}

async function openState(key: string, { env }: Pick<Surroundings, 'env'>): Promise<NonNullable<BuildOptions['state']>> {
  const { signStatement } = await import('@caisson/host/statement');
  const { readBoundedFile } = await import('@caisson/link/argonaut');
  const pem = await readBoundedFile(key, { maxBytes: maxKeyBytes, what: `signing key ${key}` });
  const passphrase = env['CAISSON_KEY_PASSPHRASE'];
  // A key that cannot sign is refused before the build, not after it.
  signStatement({ subject: { name: '', digest: { sha256: '', sha384: '' } }, predicate: {} }, pem, passphrase);
  return (statement) => signStatement(statement, pem, passphrase);
}
