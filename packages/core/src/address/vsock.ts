// CIDs and vsock ports as branded numbers, and the parent's per-enclave port range (docs/wire/addresses.md).
// Source of the ranges: Linux include/uapi/linux/vm_sockets.h (u32 both, 0xFFFFFFFF is "any").

/** Context identifier of one side of a vsock. 3 is the parent, enclaves have 4 and up. */
export type Cid = number & { readonly __brand: 'Cid' };
/** u32, 0..0xFFFFFFFE. */
export type VsockPort = number & { readonly __brand: 'VsockPort' };

// Given.
/** VMADDR_CID_ANY. */
export const CID_ANY = 0xffffffff as Cid;
/** The parent instance, as every Nitro enclave sees it. */
export const CID_PARENT = 3 as Cid;
// Chosen by AWS: nitro-cli refuses enclave CIDs below 4.
export const FIRST_ENCLAVE_CID = 4 as Cid;
// Given: docs/wire/addresses.md. The highest that has ports of the parent to itself, and the first of those that are ways out.
export const LAST_ENCLAVE_CID = 4_194_303 as Cid;
export const FIRST_EGRESS_PLACE = 16;

/** Throws TypeError when `value` is no u32 below VMADDR_CID_ANY. */
export function toCid(value: number): Cid {
  if (!Number.isInteger(value) || value < 0 || value >= CID_ANY) {
    throw new TypeError(`cid must be an integer in 0..4294967294, got ${value}`);
  }
  return value as Cid;
}

/** Throws TypeError when `value` is no u32 below VMADDR_PORT_ANY. */
export function toVsockPort(value: number): VsockPort {
  if (!Number.isInteger(value) || value < 0 || value >= 0xffffffff) {
    throw new TypeError(`vsock port must be an integer in 0..4294967294, got ${value}`);
  }
  return value as VsockPort;
}

/**
 * The parent's listener number `n` (0..255) for one enclave. A vsock listener on the parent is host-wide, so two
 * enclaves with equal settings would meet on one port without this.
 */
export function hostPort(cid: number, n: number): VsockPort {
  if (!Number.isInteger(cid) || cid < FIRST_ENCLAVE_CID || cid > LAST_ENCLAVE_CID) {
    throw new TypeError(`enclave cid must be an integer in 4..${LAST_ENCLAVE_CID}, got ${cid}`);
  }
  if (!Number.isInteger(n) || n < 0 || n > 255) {
    throw new TypeError(`host port number must be an integer in 0..255, got ${n}`);
  }
  return toVsockPort(0x40000000 + cid * 256 + n);
}
