// The program under test: heard inside this process, or in one of its own.
export { compileCache } from './compile-cache.ts';
export type { Heard, HearOptions } from './hear.ts';
export { hear } from './hear.ts';
export { passForProgram, programWords } from './launcher.ts';
export type { EndedProcess, ProcessTerms, StartedProcess } from './start-process.ts';
export { startProcess } from './start-process.ts';
