// Parent machines whose nitro-cli is a fake: one that does what it is told, and one with enclaves behind it.
export type {
  FakeBehaviour,
  FakeDescribeBehaviour,
  FakeRunBehaviour,
  FakeScript,
  FakeTerminateBehaviour,
} from './behaviour.ts';
export type { FakeNitro } from './fake.ts';
export { createFakeNitro } from './fake.ts';
export type { SimulatedNitro } from './simulated.ts';
export { createSimulatedNitro } from './simulated.ts';
