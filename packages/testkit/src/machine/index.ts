// Machines for the tests of the doctor.
export type { FakeMachineParts } from './fake-machine.ts';
export { createFakeMachine } from './fake-machine.ts';
export { c5Xlarge, container, laptop, m5TwoNodes, shapeMachine } from './known-machine.ts';
