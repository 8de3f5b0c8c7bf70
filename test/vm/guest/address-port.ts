// The ports of guest/address.ts, for both sides of the test.
import { toVsockPort } from '@caisson/core/address';

/** A listener there for each CID that an enclave can bind to; answers `as CID N` with the CID of whoever dialled. */
export const boundPort = {
  'any CID': toVsockPort(4101),
  'CID 1': toVsockPort(4102),
  'its own CID': toVsockPort(4103),
} as const;

export type Bound = keyof typeof boundPort;

/** Opens after the others; a dial there says that the parent has seen enough. */
export const gatePort = toVsockPort(4104);
