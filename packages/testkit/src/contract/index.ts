// Contract suites: one for every interface with more than one implementation.
export type { KernelPair, KernelPromise } from './kernel.ts';
export { describeKernelContract, kernelContract } from './kernel.ts';
export type { TransportPair, TransportPromise } from './transport.ts';
export { describeTransportContract, transportContract } from './transport.ts';
