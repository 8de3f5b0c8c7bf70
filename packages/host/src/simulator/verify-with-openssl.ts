// Proves a document with the openssl binary instead of our own code: chain from the given root to the leaf at the document's
// time, and the COSE signature by the leaf's key. An implementation that checks itself proves little.
// It proves origin only; what the document says is not compared with anything.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAttestationDocument } from '@caisson/core/attestation';
import { equalBytes } from '@caisson/core/bytes';
import { encodeSigStructure } from '@caisson/core/cose';
import { CaissonError, VerificationError } from '@caisson/core/errors';
import { encodeEcdsaSignature, parseCertificate, parsePem, toPem } from '@caisson/core/x509';
import type { SimulatorErrorCode } from './error-code.ts';

export interface OpensslVerdict {
  readonly chain: 'ok';
  readonly signature: 'ok';
}

// Chosen: openssl needs milliseconds for either.
const timeoutMs = 10_000;
const maxOutputBytes = 65_536;

/**
 * Throws VerificationError SIMULATOR_PROOF when chain or signature do not hold, CaissonError SIMULATOR_OPENSSL when openssl
 * cannot run, ParseError of the rooms of core when the document or the PEM text is none.
 */
export async function verifyWithOpenssl(document: Uint8Array, rootPem: string): Promise<OpensslVerdict> {
  const { cose, payload } = parseAttestationDocument(document);
  const root = parsePem('CERTIFICATE', rootPem);
  const [bundledRoot, ...intermediates] = payload.cabundle;
  if (bundledRoot === undefined || !equalBytes(bundledRoot, root)) {
    throw proof('attestation cabundle[0] must be the trusted root byte for byte, got another certificate');
  }
  const folder = await mkdtemp(join(tmpdir(), 'caisson-proof-'));
  const at = (name: string): string => join(folder, name);
  try {
    await writeFile(at('root.pem'), toPem('CERTIFICATE', root));
    await writeFile(at('between.pem'), intermediates.map((der) => toPem('CERTIFICATE', der)).join(''));
    await writeFile(at('leaf.pem'), toPem('CERTIFICATE', payload.certificate));
    await writeFile(at('key.pem'), toPem('PUBLIC KEY', parseCertificate(payload.certificate).publicKey.spki));
    await writeFile(at('signed'), encodeSigStructure(cose));
    await writeFile(at('signature'), encodeEcdsaSignature(cose.signature));
    const seconds = String(Math.floor(payload.timestamp / 1000));
    // Nothing of the machine's own trust store may help: only the root that was handed in.
    const trust = ['-no-CApath', '-no-CAstore', '-CAfile', at('root.pem'), '-untrusted', at('between.pem')];
    await openssl('chain', ['verify', '-attime', seconds, ...trust, at('leaf.pem')]);
    await openssl('signature', [
      'dgst',
      '-sha384',
      '-verify',
      at('key.pem'),
      '-signature',
      at('signature'),
      at('signed'),
    ]);
    return { chain: 'ok', signature: 'ok' };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function openssl(step: 'chain' | 'signature', words: readonly string[]): Promise<void> {
  try {
    await promisify(execFile)('openssl', words, { timeout: timeoutMs, maxBuffer: maxOutputBytes });
  } catch (cause) {
    const { code, killed, stderr, stdout } = cause as {
      code?: unknown;
      killed?: boolean;
      stderr?: string;
      stdout?: string;
    };
    // openssl ends by itself with 1 or 2 when the proof does not hold; anything else is not its verdict.
    if (typeof code === 'number' && !killed) {
      const said = `${stderr}${stdout}`.trim().replaceAll(/\s+/g, ' ').slice(0, 300);
      throw proof(`attestation ${step} must hold for openssl, got exit ${code}: ${said}`, cause);
    }
    const got = killed ? `none after ${timeoutMs} ms` : String(code);
    throw new CaissonError<SimulatorErrorCode>(
      'SIMULATOR_OPENSSL',
      `openssl ${words[0]} must give a verdict, got ${got}`,
      {
        cause,
        hint: 'install the openssl program',
      },
    );
  }
}

function proof(message: string, cause?: unknown): VerificationError<SimulatorErrorCode> {
  return new VerificationError('SIMULATOR_PROOF', message, cause === undefined ? {} : { cause });
}
