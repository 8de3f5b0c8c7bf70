// What happens while a command is carried out, for whoever shows it.

/** In the order in which an enclave passes them. */
export const UP_PHASES = ['build', 'boot', 'heartbeat', 'config', 'services', 'ready', 'verified'] as const;
export type UpPhase = (typeof UP_PHASES)[number];

export type EngineEvent =
  | {
      readonly kind: 'begin';
      readonly enclave: string;
      readonly phase: UpPhase;
      /** It takes just so long, and nothing is done in it. */
      readonly waitMs?: number;
    }
  | {
      readonly kind: 'done';
      readonly enclave: string;
      readonly phase: UpPhase;
      readonly ms: number;
      readonly note: string | null;
    }
  | { readonly kind: 'failed'; readonly enclave: string; readonly phase: UpPhase; readonly message: string }
  /** Something a person should know that is not a failure; `enclave` is null where it concerns all of them. */
  | {
      readonly kind: 'note';
      readonly enclave: string | null;
      readonly level: 'info' | 'warn';
      readonly text: string;
      readonly hint?: string;
    };

export type OnEvent = (event: EngineEvent) => void;
