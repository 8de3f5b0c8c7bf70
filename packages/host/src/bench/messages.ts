// What both ends of a bench agree on. The server is in the host program and in benchmark images, never in an enclave bundle.

/** Types of requests of the bench server. */
export const benchType = {
  /** The payload comes back. */
  echo: 32,
  /** As many bytes come back as the first four of the payload say (u32 big endian). */
  reply: 33,
  /** A protobuf message is read and its answer written. */
  protobuf: 34,
} as const;

/** Of a reply that is asked for. */
export const maxReplyBytes = 1_048_576;

/**
 * Fifth byte of a connection that is answered the naive way: u32 length and body, one after the other, header and body in a write each. It
 * is no frame type of a channel and not the JSON form's.
 */
export const NAIVE_MARK = 0x4e;
