// Benches of the way to an enclave: the far end, the survey of an address, and what it says in words.
export type { Listening } from './address.ts';
export { dialAddress, listenOn } from './address.ts';
export type { Advice, Limit } from './advise.ts';
export { advise } from './advise.ts';
export { createCostly } from './costly.ts';
export type { BenchErrorCode } from './error-code.ts';
export { BENCH_ERROR_CODES } from './error-code.ts';
export { openNaive } from './naive.ts';
export { runNaive } from './naive-pattern.ts';
export { runNull } from './null-peer.ts';
export type { Pattern } from './pattern.ts';
export { runPattern } from './pattern.ts';
export { renderSurvey, surveyFacts } from './render.ts';
export type { Sample } from './sample.ts';
export type { BenchServerOptions } from './serve.ts';
export { serveBench } from './serve.ts';
export type { Survey, SurveyOptions } from './survey.ts';
export { survey } from './survey.ts';
