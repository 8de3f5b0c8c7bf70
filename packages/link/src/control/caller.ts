// Who asks, as a handler of the control channel sees it: an operator by his key, for as long as his session lives and his entry in the list says.
import type { ImageProfile, MeasuredOperator } from '@caisson/core/measured';
import type { ControlVerb } from './verb.ts';

export interface ControlCaller {
  /** As the list in force names him; exec templates and verbs of now. Throws PolicyError CONTROL_VERB once he is on none. */
  readonly operator: MeasuredOperator;
  /** Hex SHA-256 of his SubjectPublicKeyInfo. */
  readonly keySha256: string;
  /** Of the image: what a development image does without templates, a production image does not. */
  readonly profile: ImageProfile;
  /** Aborted when the session ends, whoever ended it. */
  readonly ended: AbortSignal;
  mayUse(verb: ControlVerb): boolean;
}
