// What stands in for the parts of the world that a test cannot have.
export type { HybridMuxer, HybridMuxerOptions } from './hybrid-muxer.ts';
export { createHybridMuxer } from './hybrid-muxer.ts';
