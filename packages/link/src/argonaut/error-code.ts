// Every way in which argonaut's two long-running commands can be refused by what both sides of them share.

export const ARGONAUT_ERROR_CODES = ['ARGONAUT_INPUT', 'ARGONAUT_INPUT_SIZE', 'ARGONAUT_BRIDGE_ENDED'] as const;
export type ArgonautErrorCode = (typeof ARGONAUT_ERROR_CODES)[number];
