// TLS of the control channel, both ends (docs/wire/control.md): 1.3 only, both ends with an Ed25519 key, one protocol name, nothing resumed. TLS is
// asked for keys, not for trust: whose key it is, is judged by what calls this, before it reads or says anything.
import { constants } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { connect, createSecureContext, type TLSSocket, TLSSocket as TlsSocket } from 'node:tls';
import { CaissonError, LimitError } from '@caisson/core/errors';
import { isSpkiOf } from '@caisson/core/measured';
import type { SessionBinding } from './binding.ts';
import type { ControlErrorCode } from './error-code.ts';
import { type ControlIdentity, sha256, sha384 } from './identity.ts';
import { CONTROL_ALPN, EXPORTER_LABEL, NONCE_BYTES } from './messages.ts';

export interface SecureStream {
  readonly tls: TLSSocket;
  /** DER of SubjectPublicKeyInfo of the other end, which has proven that it holds the key. */
  readonly peerSpki: Uint8Array<ArrayBuffer>;
  /** What a document for this session and this nonce must name. Same on both ends. */
  bindingOf(nonce: Uint8Array): SessionBinding;
}

export type ControlSide = 'client' | 'server';

// Given: docs/wire/control.md. The hybrid group comes first where both ends have it.
const groups = ['X25519MLKEM768:X25519', 'X25519'] as const;
const ciphers = 'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256';
const exporterBytes = 32;

/** Rejects CONTROL_TIMEOUT, CONTROL_TLS, CONTROL_KEY; the stream is destroyed then. */
export async function secureStream(
  stream: Duplex,
  side: ControlSide,
  identity: ControlIdentity,
  timeoutMs: number,
): Promise<SecureStream> {
  const tls = open(stream, side, identity);
  try {
    await handshake(tls, side, timeoutMs);
    return secured(tls, side, identity);
  } catch (error) {
    tls.destroy();
    stream.destroy();
    throw error;
  }
}

/**
 * Over a socket its records go to the kernel in C++, past the bound that sys/vsock sets on a single write (docs/wire/addresses.md). So the bound is
 * kept by those who write into it: each write here is at most 31,744 bytes and the next waits for it (link/channel; the messages
 * before are smaller). socket-write.test.ts looks at the system calls.
 */
function open(stream: Duplex, side: ControlSide, identity: ControlIdentity): TLSSocket {
  const secureContext = contextOf(identity);
  const options = { secureContext, ALPNProtocols: [CONTROL_ALPN], rejectUnauthorized: false };
  if (side === 'server') return new TlsSocket(stream, { ...options, isServer: true, requestCert: true });
  // Names are nobody's here, so no certificate is checked against one.
  return connect({ ...options, socket: stream, checkServerIdentity: () => undefined });
}

function contextOf({ key, certificate }: ControlIdentity) {
  const build = (ecdhCurve: string) =>
    createSecureContext({
      key,
      cert: certificate,
      ciphers,
      sigalgs: 'ed25519',
      ecdhCurve,
      minVersion: 'TLSv1.3',
      maxVersion: 'TLSv1.3',
      secureOptions: constants.SSL_OP_NO_TICKET,
    });
  try {
    return build(groups[0]);
  } catch {
    // A Node whose OpenSSL is older than 3.5 does not know the hybrid group.
    return build(groups[1]);
  }
}

function handshake(tls: TLSSocket, side: ControlSide, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error): void => {
      clearTimeout(timer);
      tls.off('secure', onSecure).off('secureConnect', onSecure).off('error', onError).off('close', onClose);
      // What fails later is told by 'close'; without a listener an error would end the process.
      tls.on('error', () => {});
      if (error === undefined) resolve();
      else reject(error);
    };
    const onSecure = (): void => settle();
    const onError = (cause: Error): void => settle(tlsError(cause.message, { cause }));
    const onClose = (): void => settle(tlsError('the other end closed'));
    const timer = setTimeout(() => {
      const message = `control handshake must end within ${timeoutMs} ms, got no end`;
      settle(new LimitError<ControlErrorCode>('CONTROL_TIMEOUT', message));
    }, timeoutMs);
    tls.once(side === 'server' ? 'secure' : 'secureConnect', onSecure);
    tls.once('error', onError).once('close', onClose);
  });
}

function secured(tls: TLSSocket, side: ControlSide, identity: ControlIdentity): SecureStream {
  // A server that is offered no protocol at all goes on without one.
  if (tls.alpnProtocol !== CONTROL_ALPN) throw tlsError(`the other end must speak ${CONTROL_ALPN}`);
  if (tls.getProtocol() !== 'TLSv1.3') throw tlsError(`the protocol must be TLSv1.3, got ${tls.getProtocol()}`);
  const spki = tls.getPeerX509Certificate()?.publicKey.export({ type: 'spki', format: 'der' });
  if (spki === undefined || !isSpkiOf('Ed25519', spki)) {
    const seen = spki === undefined ? 'none' : 'another kind';
    throw new CaissonError<ControlErrorCode>('CONTROL_KEY', `the other end must show an Ed25519 key, got ${seen}`);
  }
  const peerSpki = Uint8Array.from(spki);
  const [own, peer] = [sha256(identity.spki), sha256(peerSpki)];
  return {
    tls,
    peerSpki,
    bindingOf(nonce) {
      if (nonce.length !== NONCE_BYTES)
        throw new TypeError(`nonce must have ${NONCE_BYTES} bytes, got ${nonce.length}`);
      const exported = tls.exportKeyingMaterial(exporterBytes, EXPORTER_LABEL, Buffer.from(nonce));
      return {
        exporterSha384: sha384(exported),
        serverKeySha256: side === 'server' ? own : peer,
        clientKeySha256: side === 'server' ? peer : own,
      };
    },
  };
}

function tlsError(reason: string, options: { readonly cause?: unknown } = {}): CaissonError<ControlErrorCode> {
  return new CaissonError('CONTROL_TLS', `control session must be TLS 1.3 with keys on both ends: ${reason}`, options);
}
