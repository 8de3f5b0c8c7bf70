// The steps of a shim's life, for tests: they kill the shim at each of them, and the next shim must be able to clean up after it (R-G1).

export const SHIM_STEPS = [
  'locked',
  'state-begun',
  'socket-bound',
  'ingress-bound',
  'boot-asked',
  'place-known',
  'line-served',
  'egress-bound',
  'boot-begun',
  'heartbeat',
  'config-sent',
  'ready',
  'stop-asked',
  'ended',
  'state-ended',
] as const;
export type ShimStep = (typeof SHIM_STEPS)[number];
