// A build, opened: the settings and every input, each with its digests. What is not in here cannot be in the image.
import type { OpenedRuntime, Toolchain } from '../runtime/index.ts';
import type { OpenedSource, TreeContent } from '../tree/index.ts';
import type { BuildSettings } from './settings.ts';

/** A file that goes in as it is. */
export interface BuildInput {
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
  readonly sha384: string;
  readonly origin: 'ledger' | 'local' | 'given';
}

export interface BuildKernel extends BuildInput {
  readonly content: TreeContent;
  /** `nsm.ko`, for kernels that have the NSM driver as a module. */
  readonly nsmModule: (BuildInput & { readonly content: TreeContent }) | null;
  /** Default command line. */
  readonly cmdline: string;
  /** As its .config or its own head says it; '' where neither does. */
  readonly version: string;
}

export interface SourceCommit {
  /** Hex, of HEAD. */
  readonly commit: string;
  /** Whether files in the source differ from it. */
  readonly isDirty: boolean;
}

export interface BuildPlan {
  readonly settings: BuildSettings;
  readonly source: OpenedSource;
  readonly kernel: BuildKernel;
  readonly toolchain: Toolchain;
  /** null when neither the supervisor nor the command needs node. */
  readonly runtime: OpenedRuntime | null;
  readonly commit: SourceCommit | null;
  /** Of the builder. */
  readonly builderVersion: string;
}

/** What a person may want to see while it goes on; none of it changes what is built. */
export interface BuildProgress {
  step(text: string): void;
  bytes(done: number, total: number): void;
  warning(text: string, hint?: string): void;
}

export const SILENT_PROGRESS: BuildProgress = { step: () => {}, bytes: () => {}, warning: () => {} };
