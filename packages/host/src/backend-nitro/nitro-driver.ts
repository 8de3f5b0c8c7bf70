// nitro-cli as four operations. Enclaves are found by their whole name and ended by their id; a part of a name finds nothing. That one is gone is
// believed of its process, or of the list: never of the word of the call that was to end it.
import { setTimeout as pause } from 'node:timers/promises';
import { CaissonError, ParseError } from '@caisson/core/errors';
import { type Bounded, type BoundedOptions, runBounded } from '../child/index.ts';
import { readNitroFailure } from '../explain/index.ts';
import type { NitroCliErrorCode } from './error-code.ts';
import { describeFailure } from './failure.ts';
import { type DescribedEnclave, parseDescribed } from './output.ts';
import { isGoneWithin, readLife } from './process-life.ts';

export interface NitroTimes {
  /** Deadline of a call of nitro-cli that does not start an enclave. */
  readonly callMs: number;
  /** How long to look for an enclave whose launch was cut off, and how long an enclave that nitro-cli has ended may take to be gone. */
  readonly settleMs: number;
  /** Time between two looks at the process of an enclave. */
  readonly pollMs: number;
}

// Chosen.
export const STANDARD_NITRO_TIMES: NitroTimes = { callMs: 10_000, settleMs: 5_000, pollMs: 100 };
const terminateTries = 3;
// Given: EnclaveNamingError; terminate-enclave ends with it where no enclave has that name.
const noSuchName = 'E58';

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
    try {
      return parseDescribed(said.stdout);
    } catch (error) {
      // If nitro-cli printed an error code, that says more than the missing JSON.
      throw readNitroFailure(said.stderr, 0) === undefined ? error : this.#failure('describe-enclaves', said);
    }
  }

  /** Throws what `findAll` throws, ParseError NITRO_OUTPUT where two bear the name. */
  async find(enclave: string, forMs: number): Promise<DescribedEnclave | undefined> {
    const all = await this.findAll(enclave, forMs);
    if (all.length <= 1) return all[0];
    const ids = all.map(({ EnclaveID }) => EnclaveID).join(' and ');
    throw new ParseError<NitroCliErrorCode>(
      'NITRO_OUTPUT',
      `nitro-cli describe-enclaves must list one enclave ${enclave}, got ${ids}`,
      { hint: 'its name has 64 random bits: run it by hand and look' },
    );
  }

  /** Tries until `forMs` is over, because while an enclave boots its process answers nobody. Throws what the last try threw. */
  async findAll(enclave: string, forMs: number): Promise<readonly DescribedEnclave[]> {
    const untilMs = performance.now() + forMs;
    for (;;) {
      let fault: unknown;
      try {
        const found = (await this.describe()).filter(({ EnclaveName }) => EnclaveName === enclave);
        if (found.length > 0) return found;
      } catch (error) {
        fault = error;
      }
      if (performance.now() >= untilMs) {
        if (fault !== undefined) throw fault;
        return [];
      }
      await pause(this.times.pollMs);
    }
  }

  /**
   * Resolves once the enclave is gone. Throws what terminate-enclave failed with, and CaissonError NITRO_FAILED if it reports success and the
   * enclave goes on.
   */
  async terminate(one: { readonly EnclaveID: string; readonly ProcessID?: number }): Promise<void> {
    const { EnclaveID: id, ProcessID: pid } = one;
    const life = pid === undefined ? undefined : readLife(pid);
    let fault: CaissonError | undefined;
    for (let tries = 0; tries < terminateTries; tries += 1) {
      const said = await this.#ask(['terminate-enclave', '--enclave-id', id]);
      const isDone = said.exitCode === 0 && said.cut === undefined;
      // The process of the enclave exits a moment after it has answered.
      const forMs = isDone ? this.times.settleMs : 0;
      const isGone =
        pid === undefined || life === undefined
          ? await this.#isUnlisted(id, forMs, isDone)
          : await isGoneWithin(pid, life, forMs, this.times.pollMs);
      if (isGone) return;
      fault = isDone ? goesOn(id, pid) : this.#failure('terminate-enclave', said);
    }
    throw fault;
  }

  /** `otherwise` is the answer where no list can be read. */
  async #isUnlisted(id: string, forMs: number, otherwise: boolean): Promise<boolean> {
    for (const untilMs = performance.now() + forMs; ; await pause(this.times.pollMs)) {
      const left = await this.describe().catch(() => undefined);
      if (left === undefined) return otherwise;
      if (left.every(({ EnclaveID }) => EnclaveID !== id)) return true;
      if (performance.now() >= untilMs) return false;
    }
  }

  /**
   * For the case that no list can be read: nitro-cli finds the enclave by its whole name. False if none has that name. Throws what
   * terminate-enclave failed with.
   */
  async terminateNamed(enclave: string): Promise<boolean> {
    let said: Bounded | undefined;
    for (let tries = 0; tries < terminateTries; tries += 1) {
      said = await this.#ask(['terminate-enclave', '--enclave-name', enclave]);
      if (said.cut !== undefined) continue;
      if (said.exitCode === 0) return true;
      if (readNitroFailure(said.stderr, said.exitCode)?.code === noSuchName) return false;
    }
    throw this.#failure('terminate-enclave', said!);
  }

  /** In one language: nitro-cli reads what lscpu prints, and what it prints is read here. */
  run(words: readonly string[], options: Omit<BoundedOptions, 'env'>): Promise<Bounded> {
    return runBounded(this.program, words, { ...options, env: { ...process.env, LC_ALL: 'C' } });
  }

  #ask(words: readonly string[]): Promise<Bounded> {
    return this.run(words, { timeoutMs: this.times.callMs });
  }

  #failure(verb: string, said: Bounded): CaissonError {
    return describeFailure(verb, said, this.times.callMs);
  }
}

function goesOn(id: string, pid: number | undefined): CaissonError<NitroCliErrorCode> {
  const what = pid === undefined ? 'it is still listed' : `its process ${pid} goes on`;
  return new CaissonError('NITRO_FAILED', `nitro-cli terminate-enclave must end enclave ${id}, and ${what}`, {
    hint: pid === undefined ? 'run it by hand' : `sudo kill -9 ${pid} ends an enclave with its process`,
  });
}
