// What can be wrong with a proof and with what it is made from. A secret never stands in a message.

export const VRF_ERROR_CODES = [
  'VRF_SUITE',
  'VRF_SECRET_KEY',
  'VRF_PUBLIC_KEY',
  'VRF_PROOF_FORM',
  'VRF_PROOF',
  'VRF_ENCODE',
] as const;
export type VrfErrorCode = (typeof VRF_ERROR_CODES)[number];
