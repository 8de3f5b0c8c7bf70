// initctl without its input and output: commands as data, the way a plan is carried out, settings.
export type { InitctlCall, InitctlCommand, InitctlOption, InitctlPlan, InitctlValues } from './command.ts';
export { initctlCommands, initctlJsonOption, initctlOptions } from './command.ts';
export type { InitctlWords } from './parse-words.ts';
export { initctlUsage, parseInitctlWords } from './parse-words.ts';
export type { InitctlWorld } from './run-plan.ts';
export { runInitctl } from './run-plan.ts';
export type { InitctlConfig } from './settings.ts';
export { checkInitctlConfig, chooseProtocol, chooseSocket, MAX_INITCTL_CONFIG_BYTES } from './settings.ts';
