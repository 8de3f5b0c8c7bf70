// The numbered steps of a shim's life: at each of them it may be killed, and the next shim must find nothing that it cannot put right (R-G1).

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
