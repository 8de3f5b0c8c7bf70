// One simulated NSM behind a unix socket, so that the processes of a simulated enclave share its PCRs, locks and root.
import { createHash } from 'node:crypto';
import { parsePem } from '@caisson/core/x509';
import { serveNsmSocket } from '@caisson/link/nsm';
import { createSimulatedAuthority } from './authority.ts';
import { createSimulatedNsm } from './device.ts';
import { createModuleId } from './module-id.ts';

export interface ServeSimulatedNsmOptions {
  readonly socketPath: string;
  /** Hex of 48 bytes by index 0..15. */
  readonly pcrs?: Readonly<Record<number, string>>;
  /** Default: a fresh one of AWS's shape. */
  readonly moduleId?: string | undefined;
  readonly roleArn?: string | undefined;
  /** The folder that keeps the root and gets `root.pem`. Default: a root of this process only. */
  readonly state?: string | undefined;
}

export interface ServedNsm {
  readonly moduleId: string;
  readonly rootPem: string;
  /** SHA-256 of the root's DER, hex. */
  readonly rootSha256: string;
  /** Stops listening, ends what is connected and removes the socket. */
  close(): Promise<void>;
}

/** Resolves once the socket listens. */
export async function serveSimulatedNsm(options: ServeSimulatedNsmOptions): Promise<ServedNsm> {
  const { socketPath, pcrs = {}, state, roleArn, moduleId = createModuleId() } = options;
  const authority = await createSimulatedAuthority({ ...(state !== undefined && { state }) });
  const device = createSimulatedNsm({ authority, moduleId, pcrs, ...(roleArn !== undefined && { roleArn }) });
  const server = await serveNsmSocket({ path: socketPath, device });
  return {
    moduleId,
    rootPem: authority.rootPem,
    rootSha256: createHash('sha256').update(parsePem('CERTIFICATE', authority.rootPem)).digest('hex'),
    async close() {
      await server.close();
      await device.close();
    },
  };
}
