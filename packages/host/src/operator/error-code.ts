// What can be wrong on an operator's own side, before an enclave is asked anything.

export const OPERATOR_ERROR_CODES = [
  'OPERATOR_ENCLAVE',
  'OPERATOR_EXISTS',
  'OPERATOR_KEY_FILE',
  'OPERATOR_LIST_FILE',
  'OPERATOR_NAME',
  'OPERATOR_POLICY',
  'OPERATOR_ROLLBACK',
  'OPERATOR_VIA',
] as const;
export type OperatorErrorCode = (typeof OPERATOR_ERROR_CODES)[number];
