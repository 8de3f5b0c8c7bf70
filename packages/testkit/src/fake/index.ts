// What stands in for the parts of the world that a test cannot have.
export type { FakeClock } from './clock.ts';
export { createFakeClock } from './clock.ts';
export type { FakeControl } from './control.ts';
export { createFakeControl } from './control.ts';
export type { HybridMuxer, HybridMuxerOptions } from './hybrid-muxer.ts';
export { createHybridMuxer } from './hybrid-muxer.ts';
export type { FakeKernel, FakeKernelOptions } from './kernel.ts';
export { createFakeKernel } from './kernel.ts';
export type { FakeProcessHost, FakeProcessHostOptions, FakeProgram, FakeSignal } from './process-host.ts';
export { createFakeProcessHost } from './process-host.ts';
export { countSockets } from './socket-count.ts';
export type { StandInOptions } from './stand-in-addon.ts';
export { createStandInAddon } from './stand-in-addon.ts';
export type { FakeStream, StreamPair, StreamPairOptions } from './stream-pair.ts';
export { createStreamPair } from './stream-pair.ts';
export type { FakeTarget, FakeVsock, FakeVsockNetwork } from './vsock-network.ts';
export { createFakeVsockNetwork } from './vsock-network.ts';
