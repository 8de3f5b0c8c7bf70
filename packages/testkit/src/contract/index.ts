// Contract suites: one for every interface with more than one implementation.

export type { BridgePromise, WaterOptions } from './bridge.ts';
export { bridgeContract, describeBridgeContract } from './bridge.ts';
export type { ChannelPromise, DuplexSource } from './channel.ts';
export { channelContract, describeChannelContract } from './channel.ts';
export { assertFitsSchema } from './json-schema.ts';
export type { KernelPair, KernelPromise } from './kernel.ts';
export { describeKernelContract, kernelContract } from './kernel.ts';
export type { Lane } from './lane.ts';
export { currentLane, laneBoundMs, laneFigure } from './lane.ts';
export type { ProcessHostPair, ProcessHostPromise } from './process-host.ts';
export { describeProcessHostContract, processHostContract } from './process-host.ts';
export type { TransportPair, TransportPromise } from './transport.ts';
export { describeTransportContract, transportContract } from './transport.ts';
