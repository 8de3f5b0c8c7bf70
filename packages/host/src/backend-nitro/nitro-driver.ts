// nitro-cli as four operations. Enclaves are found by their whole name and ended by their id; a part of a name finds nothing.
import { setTimeout as pause } from 'node:timers/promises';
import type { CaissonError } from '@caisson/core/errors';
import { type Bounded, runBounded } from '../child/index.ts';
import { describeFailure } from './failure.ts';
import { type DescribedEnclave, parseDescribed } from './output.ts';

export interface NitroTimes {
  /** For a call that only asks or ends. */
  readonly callMs: number;
  /** How long an enclave is looked for whose launch was cut. */
  readonly settleMs: number;
  /** Between looks at the process of an enclave. */
  readonly pollMs: number;
}

// Chosen.
const terminateTries = 3;

export class NitroDriver {
  readonly program: string;
  readonly times: NitroTimes;

  constructor(program: string, times: NitroTimes) {
    this.program = program;
    this.times = times;
  }

  /** Throws what describe-enclaves failed with, ParseError NITRO_OUTPUT. */
  async describe(): Promise<readonly DescribedEnclave[]> {
    const said = await this.#ask(['describe-enclaves', '--metadata']);
    if (said.exitCode !== 0 || said.cut !== undefined) throw this.#failure('describe-enclaves', said);
    return parseDescribed(said.stdout);
  }

  /** With tries, because a process that is booting an enclave answers nobody. Throws what the last try threw. */
  async find(enclave: string, forMs: number): Promise<DescribedEnclave | undefined> {
    const untilMs = performance.now() + forMs;
    for (;;) {
      let fault: unknown;
      try {
        const found = (await this.describe()).find(({ EnclaveName }) => EnclaveName === enclave);
        if (found !== undefined) return found;
      } catch (error) {
        fault = error;
      }
      if (performance.now() >= untilMs) {
        if (fault !== undefined) throw fault;
        return undefined;
      }
      await pause(this.times.pollMs);
    }
  }

  /** Resolves once no enclave has this id. Throws what terminate-enclave failed with. */
  async terminate(id: string): Promise<void> {
    let fault: CaissonError | undefined;
    for (let tries = 0; tries < terminateTries; tries += 1) {
      const said = await this.#ask(['terminate-enclave', '--enclave-id', id]);
      if (said.exitCode === 0 && said.cut === undefined) return;
      fault = this.#failure('terminate-enclave', said);
      const left = await this.describe().catch(() => undefined);
      if (left?.every(({ EnclaveID }) => EnclaveID !== id)) return;
    }
    throw fault;
  }

  #ask(words: readonly string[]): Promise<Bounded> {
    return runBounded(this.program, words, { timeoutMs: this.times.callMs });
  }

  #failure(verb: string, said: Bounded): CaissonError {
    return describeFailure(verb, said, this.times.callMs);
  }
}
