// Who asks the supervisor for something of the NSM, and what he may have.

export interface NsmCaller {
  readonly pid: number;
  readonly uid: number;
  /** The service that the process belongs to; null for one that belongs to none any more. */
  readonly service: string | null;
  /** PCR 17 to 31 that it may extend and lock. */
  readonly pcrs: readonly number[];
  /** Of nonce, user data and public key, each. */
  readonly fieldLimitBytes: number;
}

/** What the kernel says of the other end of a unix socket (SO_PEERCRED): as it was when it connected. */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

export type NsmRefusalKind =
  | 'reserved_user_data'
  | 'pcr_not_listed'
  | 'lock_range'
  | 'field_too_large'
  | 'malformed'
  | 'unknown_peer'
  | 'too_many_connections';

export interface NsmRefusal {
  readonly kind: NsmRefusalKind;
  /** Without pid, uid and service for a peer that is not known. */
  readonly caller?: NsmCaller | PeerCredentials;
}

// Given: docs/wire/nsm.md.
export const libraryFieldLimitBytes = 1_024;
export const lineFieldLimitBytes = 2_048;
