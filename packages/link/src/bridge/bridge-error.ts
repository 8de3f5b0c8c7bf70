// Every way in which a bridge can be refused or fail as a whole. What ends one connection is text in its event instead.

export const BRIDGE_ERROR_CODES = [
  'BRIDGE_RULE',
  'BRIDGE_RULES_FILE',
  'BRIDGE_LISTEN',
  'BRIDGE_PLANE',
  'BRIDGE_METADATA',
  'BRIDGE_RESOLVE',
  'BRIDGE_PEER',
] as const;
export type BridgeErrorCode = (typeof BRIDGE_ERROR_CODES)[number];
