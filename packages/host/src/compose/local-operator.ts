// `operators.local`: the key of whoever builds, made on first use, so that a first enclave can be commanded without a word about keys. It lies
// unlocked on the machine that may also be the parent, which is what an operator's key must never do: a development image only.
import { CaissonError } from '@caisson/core/errors';
import type { ImageProfile, MeasuredOperator } from '@caisson/core/measured';
// Not its index, which finds policies in caisson.yaml.
import { ensureOperator } from '../operator/operator-key.ts';
import type { ComposeErrorCode } from './error-code.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export const localOperatorRule =
  'operators.local must stand in a development image only, got a production one: its key lies on the machine that builds, where the parent may read it';

export interface LocalOperator {
  readonly operator: MeasuredOperator;
  /** Name of the key if it was created just now; null otherwise. */
  readonly made: string | null;
}

/** Throws CaissonError COMPOSE_INPUT for a production image, and OPERATOR_KEY_FILE. */
export async function readLocalOperator(name: string, profile: ImageProfile, env: Environment): Promise<LocalOperator> {
  if (profile !== 'development') {
    throw new CaissonError<ComposeErrorCode>('COMPOSE_INPUT', localOperatorRule, {
      hint: 'caisson operator create NAME on your own machine, and its public half under operators.root_key or operators.list',
    });
  }
  const { spkiSha256, path, isNew } = await ensureOperator(name, env, env['CAISSON_KEY_PASSPHRASE']);
  return { operator: { name, spkiSha256, verbs: ['all'], execTemplates: [] }, made: isNew ? path : null };
}
