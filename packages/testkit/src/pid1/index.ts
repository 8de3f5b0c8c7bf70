// PID 1 as process 1 of a namespace, for the tests of what it promises and of what builds on it.
export type { Pid1Layout, Pid1Run, Pid1Scene } from './scene.ts';
export { arrangePid1, childrenOf, pid1Built, pid1Skip, simulatedWords } from './scene.ts';
export type { Supervised } from './supervised.ts';
export { arrangeSupervised, heldStreams, probeRequest } from './supervised.ts';
