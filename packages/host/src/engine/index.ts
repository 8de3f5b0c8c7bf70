// Enclaves from what was asked for to ready and proven, and back to nothing.
export type {
  BackendChoice,
  CompareCommand,
  DownCommand,
  EngineCommand,
  EngineVerb,
  InspectCommand,
  ListCommand,
  PruneCommand,
  RemoveCommand,
  RestartCommand,
  RunCommand,
  StopCommand,
  UpCommand,
  WaitCommand,
} from './command.ts';
export { createEngine } from './engine.ts';
export type { Engine, EngineOptions, EngineWatch, HostLook, ShimDoor, StartShimOptions } from './engine-interface.ts';
export type { EngineErrorCode } from './error-code.ts';
export { ENGINE_ERROR_CODES } from './error-code.ts';
export type { EngineEvent, OnEvent, UpPhase } from './event.ts';
export { verifyProvable } from './provable.ts';
export type {
  ComparedPcr,
  CompareResult,
  EndedEnclave,
  EndResult,
  EngineResults,
  Evidence,
  InspectResult,
  PhaseTime,
  Pruned,
  PrunedKind,
  PruneResult,
  UpFailure,
  UpOutcome,
  UpOutcomeKind,
  UpResult,
  Verdict,
  WaitResult,
} from './result.ts';
