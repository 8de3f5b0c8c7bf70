// The policy that `up` keeps in the operator's folder under the CID of a simulated enclave (docs/run.md). After a restart by the shim the CID may be
// another, and `up` is not there: so the shim writes the file at the heartbeat of each boot and removes it with the boot. A CID never names the
// policy of an enclave that ran before.
import type { RecordedSpec, RecordedState } from '../record/index.ts';
import type { EventLog } from './event-log.ts';

export interface TargetFileOptions {
  /** Environment that locates the operator's folder. Undefined: nothing is written. */
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

  /** Returns at once; the boot does not wait for the file. */
  keep({ documents, cid }: Pick<RecordedState, 'documents' | 'cid'>): void {
    const { operatorEnv: env, spec } = this.#options;
    if (env === undefined || cid === null || documents?.kind !== 'simulated' || spec.debug) return;
    this.#cid = cid;
    this.#then(async () => {
      // Loaded late: it brings a YAML writer that other shims never need.
      const { writeOwnPolicy } = await import('../operator/own-policy.ts');
      await writeOwnPolicy(env, spec, { documents, cid });
    });
  }

  /** Removes the file when the boot is over. Resolves when that is done or has failed. */
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
