// /run/attest.sock: attestation documents for services in any language, without CBOR and without a library: the JSON form of the message
// channel (docs/wire/attest-socket.md). The one way to a document for the web, whose user_data only the supervisor may write;
// everything else passes the same guard as /run/nsm.sock.
import { toHex } from '@caisson/core/bytes';
import type { JsonObject } from '@caisson/core/config';
import { CaissonError } from '@caisson/core/errors';
import { createNsmClient, NsmDeviceError } from '@caisson/core/nitro';
import { serveJson } from '@caisson/link/channel';
import type { EnclaveFacts } from '@caisson/link/control';
import { type PathServer, serveOnPath } from '@caisson/link/nsm';
import { createAdmission } from './admission.ts';
import type { NsmCaller } from './caller.ts';
import { parseDocumentRequest } from './document-request.ts';
import { createGuardedNsm } from './guard.ts';
import { createNsmRate } from './rate.ts';
import { type SupervisorNsmOptions, socketMode, verifyConfigFixed } from './serve.ts';
import { encodeWebClaims } from './web-claims.ts';

export interface DocumentServerOptions extends SupervisorNsmOptions {
  /** What the supervisor knows of its enclave. */
  readonly facts: EnclaveFacts;
}

// Chosen. A service asks once in a while and may keep its connection; whoever announces a request has to send it.
const defaultPath = '/run/attest.sock';
const maxConnections = 64;
const callersFaults: ReadonlySet<string> = new Set([
  'NSM_DOCUMENT_REQUEST',
  'NSM_FIELD_TOO_LARGE',
  'NSM_REQUEST_TOO_LARGE',
]);
const times = { frameTimeoutMs: 5_000, idleTimeoutMs: 60_000 };

/** Rejects as serveSupervisorNsm does. */
export async function serveDocuments(options: DocumentServerOptions): Promise<PathServer> {
  const { device, path = defaultPath } = options;
  const settled = { ...options, rate: options.rate ?? createNsmRate() };
  await verifyConfigFixed(device, path);
  const admit = createAdmission(options);
  return await serveOnPath({ path, mode: socketMode, maxConnections }, (socket) => {
    const caller = admit(socket);
    if (caller === undefined) {
      socket.on('error', () => {}).destroy();
      return;
    }
    void serveJson(socket, (request) => answer(request, caller, settled), times);
  });
}

/** What it rejects with is answered `{"error":"failed"}`. */
async function answer(
  request: JsonObject,
  asking: Promise<NsmCaller>,
  { device, rate, facts, onRefusal }: DocumentServerOptions & Required<Pick<DocumentServerOptions, 'rate'>>,
): Promise<object> {
  const caller = await asking;
  try {
    const wanted = parseDocumentRequest(request);
    if (wanted.kind === 'own') {
      const guarded = createGuardedNsm({ device, caller: asking, rate, onRefusal });
      return { document: toHex(await createNsmClient(guarded).attestation(wanted.fields)) };
    }
    await rate.admit(caller.uid);
    const userData = encodeWebClaims(wanted.tlsKeySha256, facts);
    return { document: toHex(await createNsmClient(device).attestation({ nonce: wanted.nonce, userData })) };
  } catch (error) {
    if (error instanceof CaissonError && callersFaults.has(error.code)) {
      onRefusal?.({ kind: 'malformed', caller });
      return { error: 'request', message: error.message };
    }
    // The NSM's own word: the caller's fields were too long, or began as only ours may.
    if (error instanceof NsmDeviceError) return { error: 'nsm', message: error.nsmError };
    throw error;
  }
}
