// Codes of a delivery that did not happen. A dial that fails keeps its errno name (ECONNREFUSED, ETIMEDOUT ...).

export const DELIVERY_ERROR_CODES = [
  'DELIVERY_TOO_LARGE',
  'DELIVERY_LATE',
  'DELIVERY_CUT',
  'DELIVERY_ANSWERED',
  'DELIVERY_REPLY',
  'DELIVERY_UNANSWERED',
  'DELIVERY_FRAME',
] as const;
export type DeliveryErrorCode = (typeof DELIVERY_ERROR_CODES)[number];

// Chosen, as the test plan's bound for one sender.
export const defaultTransferTimeoutMs = 10_000;
