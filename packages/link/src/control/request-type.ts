// Types of requests on a control channel (docs/wire/control.md). The session's own are here; 64..95 are the pipeline's, 128..255 are free for
// an image's own protocol.

export const CONTROL_REQUEST = {
  /** Nothing -> who you are and what the enclave is, CBOR. */
  session: 32,
  /** 32 bytes of nonce -> a document for this session and that nonce. */
  attest: 33,
  /** An approval -> nothing. */
  approve: 34,
  /** A signed operator list -> nothing. */
  operators: 35,
  /** One JSON-RPC document of the supervisor's control (docs/wire/init-control.md) -> its answer. */
  init: 36,
  /** A service's name as text -> its log lines from now on, a stream of JSON documents, one a line. */
  followLogs: 37,
} as const;
