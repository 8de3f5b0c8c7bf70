// The doctor: what this machine lacks to run enclaves, why it matters, and one command for each.
export type { Check, CheckGroup, Finding, Level } from './check.ts';
export { CHECKS } from './checks.ts';
export type { DoctorErrorCode } from './error-code.ts';
export { DOCTOR_ERROR_CODES } from './error-code.ts';
export type { Examination, ExamineOptions, Verdict } from './examine.ts';
export { examine } from './examine.ts';
export type { Ground, GroundOptions } from './ground.ts';
export { readGround } from './ground.ts';
export type { LookHereOptions } from './here.ts';
export { lookHere } from './here.ts';
export type { LinuxMachineOptions } from './linux-machine.ts';
export { openLinuxMachine } from './linux-machine.ts';
export type { Answer, FileFacts, ListenTarget, Machine, Space } from './machine.ts';
export type { AllocatorPlan } from './plan.ts';
export { planAllocator } from './plan.ts';
export type { WantedEnclave } from './wanted.ts';
export { readWanted } from './wanted.ts';
