// Which of his keys an operator means: the one he names, else the one that caisson.yaml gave to the image, else the only one there is, else the
// one that the enclave was brought up with here.
import { existsSync } from 'node:fs';
import { CaissonError } from '@caisson/core/errors';
import { readCompose } from '../compose/index.ts';
import { stateFolder } from '../file/index.ts';
import { listRecords } from '../record/index.ts';
import type { OperatorErrorCode } from './error-code.ts';
import { listOperators } from './operator-key.ts';

export interface FindOperatorOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `--operator`: a name or a path. */
  readonly operator?: string | undefined;
  /** The enclave as the operator calls it. */
  readonly enclave: string;
  /** caisson.yaml; default the one where the command runs, where there is one. */
  readonly composeFile?: string | undefined;
  /** True if the enclave is dialled from this machine and not through another: then the record that it has here may say which. */
  readonly isHere?: boolean;
  /** What `${NAME}` stands for in it. Default: the environment. */
  readonly variables?: Readonly<Record<string, string | undefined>>;
}

// Chosen: a person reads no more.
const mostNamed = 8;

/** A name or a path. Rejects CaissonError OPERATOR_KEY_FILE where it is not clear, and what reading caisson.yaml rejects. */
export async function findOperator(options: FindOperatorOptions): Promise<string> {
  const { env, operator, enclave, composeFile, variables = env, isHere = false } = options;
  const named = operator ?? env['CAISSON_OPERATOR'];
  if (named !== undefined) return named;
  const compose = composeFile ?? 'caisson.yaml';
  if (composeFile !== undefined || existsSync(compose)) {
    const { enclaves } = await readCompose(compose, { variables });
    const local = enclaves.get(enclave)?.operators?.local;
    if (local !== undefined) return local;
  }
  const all = await listOperators(env);
  const [first] = all;
  if (first !== undefined && all.length === 1) return first.name;
  const recorded = isHere && all.length > 1 ? await recordedOperator(enclave, env) : undefined;
  if (all.some(({ name }) => name === recorded)) return recorded!;
  const known = all.slice(0, mostNamed).map(({ name }) => name);
  const got = all.length === 0 ? 'none' : `${known.join(', ')}${all.length > mostNamed ? ', ...' : ''}`;
  throw new CaissonError<OperatorErrorCode>(
    'OPERATOR_KEY_FILE',
    `an operator key must be named where there is not exactly one, got ${got}`,
    {
      hint:
        first === undefined
          ? 'caisson operator create NAME makes one'
          : `CAISSON_OPERATOR=${first.name} says which, and --operator where a command has it`,
    },
  );
}

/** By name or CID. The record decides no more than which of his own keys an operator shows. */
async function recordedOperator(enclave: string, env: FindOperatorOptions['env']): Promise<string | undefined> {
  const records = await listRecords(stateFolder(env)).catch(() => []);
  return records.find(({ name, state }) => name === enclave || String(state?.cid ?? '') === enclave)?.spec?.operator;
}
