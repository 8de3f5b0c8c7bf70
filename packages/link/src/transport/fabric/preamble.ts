// The line a fabric dialler says first: `CAISSON-FABRIC/1 <cid> <port>\n`, its own CID and a made-up source port.
// docs/wire/fabric.md. The CID is a claim: whoever may open the socket file may say any.
import type { VsockPort } from '@caisson/core/address';
import { toCid, toVsockPort } from '@caisson/core/address';
import { ParseError } from '@caisson/core/errors';
import type { TransportErrorCode } from '../error-code.ts';
import type { TransportPeer } from '../transport.ts';

// Given by docs/wire/fabric.md.
/** The newline included. */
export const preambleMaxBytes = 40;
export const preambleTimeoutMs = 1_000;
const form = /^CAISSON-FABRIC\/1 (0|[1-9][0-9]{0,9}) (0|[1-9][0-9]{0,9})$/;

/** With its newline, as it goes on the wire. */
export function formatPreamble(peer: TransportPeer): string {
  return `CAISSON-FABRIC/1 ${peer.cid} ${peer.port}\n`;
}

/** `line` without its newline. Throws ParseError TRANSPORT_PREAMBLE. */
export function parsePreamble(line: string): TransportPeer {
  const match = form.exec(line);
  if (match === null) {
    throw fault(`must be "CAISSON-FABRIC/1 CID PORT", got ${JSON.stringify(line.slice(0, preambleMaxBytes))}`);
  }
  try {
    return { cid: toCid(Number(match[1])), port: toVsockPort(Number(match[2])) };
  } catch (cause) {
    throw fault(cause instanceof Error ? cause.message : String(cause), cause);
  }
}

let nextPort: number | undefined;

/** Source ports as a kernel hands them out: from a random start, then in turn, above the reserved ones. */
export function makeSourcePort(): VsockPort {
  const lowest = 1024;
  const highest = 0x3fffffff;
  nextPort ??= lowest + Math.floor(Math.random() * (highest - lowest));
  nextPort = nextPort >= highest ? lowest : nextPort + 1;
  return toVsockPort(nextPort);
}

function fault(message: string, cause?: unknown): ParseError<TransportErrorCode> {
  return new ParseError('TRANSPORT_PREAMBLE', `fabric preamble ${message}`, cause === undefined ? {} : { cause });
}
