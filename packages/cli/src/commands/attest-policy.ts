// `caisson attest policy create`: a policy from what one has. A document is verified first, at its own time; taking what it says is trust
// on first sight all the same, and the output says so.
import { existsSync } from 'node:fs';
import { parseAttestationDocument } from '@caisson/core/attestation';
import { toPem } from '@caisson/core/x509';
import type { VerifiedDocument } from '@caisson/verify';
import type { Command } from 'commander';
import { unixMsText } from '../attest-report.ts';
import { readDocument } from '../document-text.ts';
import { UsageError } from '../exit-code.ts';
import { resolveImage } from '../image-argument.ts';
import { openStore } from '../image-store.ts';
import { collectPcr, integer } from '../nsm-argument.ts';
import { collect } from '../repeatable.ts';
import type { Surroundings } from '../surroundings.ts';
import { readRoots } from '../trust-root.ts';

interface Flags {
  readonly eif?: string;
  readonly image?: string;
  readonly document?: string;
  readonly pcr: Readonly<Record<number, string>>;
  readonly role?: string;
  readonly instanceId?: string;
  readonly minimumVersion?: string;
  readonly maxAge?: string;
  readonly allowDevelopment?: true;
  readonly root?: readonly string[];
  readonly backend?: string;
  readonly json?: true;
}

export function registerAttestPolicy(attest: Command, surroundings: Surroundings): void {
  attest
    .command('policy')
    .description('policies: what an enclave must be')
    .command('create')
    .description('write a policy (docs/policy.md) to standard output')
    .option('--eif <file>', 'pin PCR0, PCR1 and PCR2 of this image')
    .option('--image <image>', 'pin an image of the local store, and its version as the least one where it is a number')
    .option('--document <file>', 'pin the image of this document, which is verified first')
    .option('--pcr <n=hex>', 'pin a PCR; repeatable', collectPcr, {})
    .option('--role <arn>', 'pin the IAM role of the parent instance (PCR3)')
    .option('--instance-id <id>', 'pin the parent instance (PCR4)')
    .option('--minimum-version <n>', 'least image version; needed where only PCR8 pins the image')
    .option('--max-age <seconds>', 'oldest document to accept; default 300')
    .option('--allow-development', 'accept images of profile development')
    .option('--root <pem>', 'trust this root instead of AWS’s, with --backend; repeatable', collect)
    .option('--backend <name>', 'sim or qemu, for enclaves that are no Nitro hardware')
    .option('--json', 'write JSON instead of YAML')
    .action((flags: Flags) => create(flags, surroundings));
}

async function create(flags: Flags, surroundings: Surroundings): Promise<void> {
  const { stdin, stdout, stderr } = surroundings;
  const { backend } = flags;
  if (backend !== undefined && backend !== 'sim' && backend !== 'qemu') {
    throw new UsageError(`--backend must be sim or qemu, got ${backend}`);
  }
  if ((backend === undefined) !== (flags.root === undefined)) {
    throw new UsageError('--root and --backend must stand together: AWS’s root is compiled in');
  }
  if (flags.eif !== undefined && flags.image !== undefined) throw new UsageError('give either --eif or --image');
  const { draftPolicy, formatPolicy, measureImageFile, readImageProfile } = await import('@caisson/host/policy');
  const roots = await readRoots(flags.root);
  const document =
    flags.document === undefined ? undefined : await verifiedDocument(await readDocument(flags.document, stdin), roots);
  if (document !== undefined) {
    const name = document.root === 'aws' ? 'AWS’s root' : 'a custom root';
    stderr.write(
      `taken on first sight from a document of ${unixMsText(document.timestamp)} that holds under ${name}\n`,
    );
  }
  const path = flags.image === undefined ? flags.eif : await resolveImage(flags.image, surroundings);
  const policy = draftPolicy({
    pcrs: flags.pcr,
    ...(path !== undefined && { image: await measureImageFile(path), imageProfile: await readImageProfile(path) }),
    ...(flags.image !== undefined && (await leastVersionOf(flags.image, surroundings))),
    ...(document !== undefined && { document }),
    ...(flags.role !== undefined && { roleArn: flags.role }),
    ...(flags.instanceId !== undefined && { instanceId: flags.instanceId }),
    ...(flags.minimumVersion !== undefined && {
      minimumImageVersion: integer('--minimum-version', flags.minimumVersion, 1, 999_999_999),
    }),
    ...(flags.maxAge !== undefined && { maxAgeSeconds: integer('--max-age', flags.maxAge, 1, 10_800) }),
    ...(flags.allowDevelopment && { allowDevelopment: true }),
    ...(roots !== undefined && { roots: roots.map((der) => toPem('CERTIFICATE', der)) }),
    ...(backend !== undefined && { backend }),
  });
  stdout.write(flags.json ? `${JSON.stringify({ v: 1, ...policy })}\n` : formatPolicy(policy));
}

/**
 * The version that the image itself states, where it is a number and so can be held (docs/store.md). Not that of its name in the store: a name that
 * somebody gave it later is in no document, and a policy that wants it would refuse the very image that it pins.
 */
async function leastVersionOf(
  image: string,
  surroundings: Surroundings,
): Promise<{ readonly minimumImageVersion?: number }> {
  const { isImageTag, parseImageTag, versionNumber } = await import('@caisson/host/store');
  if (existsSync(image) || !isImageTag(image)) return {};
  const { name } = parseImageTag(image);
  const { imageVersion } = (await (await openStore(surroundings)).open(image)).image;
  const version = imageVersion === null ? undefined : versionNumber({ name, version: imageVersion });
  return version === undefined ? {} : { minimumImageVersion: version };
}

// At its own time: that a document is old does not change what was measured, and it is no answer to a challenge here.
async function verifiedDocument(
  { bytes }: { readonly bytes: Uint8Array },
  roots: readonly Uint8Array[] | undefined,
): Promise<VerifiedDocument> {
  const { verifyDocument } = await import('@caisson/verify');
  const { timestamp } = parseAttestationDocument(bytes).payload;
  return verifyDocument(bytes, { at: Math.floor(timestamp / 1000), ...(roots !== undefined && { roots }) });
}
