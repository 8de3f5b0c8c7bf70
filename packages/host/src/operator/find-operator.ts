// Which of his keys an operator means: the one he names, else the one that caisson.yaml gave to the image, else the only one there is.
import { existsSync } from 'node:fs';
import { CaissonError } from '@caisson/core/errors';
import { readCompose } from '../compose/index.ts';
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
  /** What `${NAME}` stands for in it. Default: the environment. */
  readonly variables?: Readonly<Record<string, string | undefined>>;
}

// Chosen: a person reads no more.
const mostNamed = 8;

/** A name or a path. Rejects CaissonError OPERATOR_KEY_FILE where it is not clear, and what reading caisson.yaml rejects. */
export async function findOperator(options: FindOperatorOptions): Promise<string> {
  const { env, operator, enclave, composeFile, variables = env } = options;
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
