// A control port in memory, with an operator who may use it.

export { createLocalStarter } from './local-starter.ts';
export type { ControlScene, ControlSceneOptions } from './scene.ts';
export { createControlScene, otherPcr0, testOperator } from './scene.ts';
export type { Tamper } from './wire.ts';
export { createWire } from './wire.ts';
