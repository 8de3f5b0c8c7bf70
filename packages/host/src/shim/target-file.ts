// What the operator's side of this machine has under the CID of a simulation (wire.md 7, the exception): `up` writes it, and a boot of which `up` knows
// nothing may have another CID. It is written at the heartbeat of each boot and goes with it, so that a CID never names the policy of what ran before.
import type { RecordedSpec, RecordedState } from '../record/index.ts';
import type { EventLog } from './event-log.ts';

export interface TargetFileOptions {
  /** Says where the operator's folder is. Undefined: nothing is written. */
  readonly operatorEnv: Readonly<Record<string, string | undefined>> | undefined;
  readonly spec: RecordedSpec;
  readonly events: EventLog;
}

export class TargetFile {
  readonly #options: TargetFileOptions;
  #cid: number | undefined;
  #work: Promise<void> = Promise.resolve();

  constructor(options: TargetFileOptions) {
    this.#options = options;
  }

  /** Returns at once: nothing of the boot waits for it. */
  keep({ documents, cid }: Pick<RecordedState, 'documents' | 'cid'>): void {
    const { operatorEnv: env, spec } = this.#options;
    if (env === undefined || cid === null || documents?.kind !== 'simulated' || spec.debug) return;
    this.#cid = cid;
    this.#then(async () => {
      // With a writer of YAML behind it, which no other enclave's shim needs.
      const { writeOwnPolicy } = await import('../operator/own-policy.ts');
      await writeOwnPolicy(env, spec, { documents, cid });
    });
  }

  /** The boot is over. Resolves when it is done, or cannot be. */
  async drop(): Promise<void> {
    const { operatorEnv: env, spec } = this.#options;
    const cid = this.#cid;
    if (env !== undefined && cid !== undefined) {
      this.#then(async () => {
        const { removeOwnPolicy } = await import('../operator/own-policy.ts');
        await removeOwnPolicy(env, spec.name, String(cid));
      });
    }
    await this.#work;
  }

  #then(work: () => Promise<void>): void {
    const { events } = this.#options;
    this.#work = this.#work
      .then(work)
      .catch((error: Error) => events.add('warn', 'POLICY_UNWRITTEN', `the policy of its CID: ${error.message}`));
  }
}
