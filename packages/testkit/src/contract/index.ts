// Contract suites: one for every interface with more than one implementation.
export type { TransportPair, TransportPromise } from './transport.ts';
export { describeTransportContract, transportContract } from './transport.ts';
