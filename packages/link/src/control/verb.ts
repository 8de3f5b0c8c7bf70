// What an operator may be allowed to do, by name. A closed list: a verb that nobody knows in an operator's entry grants nothing, and a handler
// can only ask for one of these. `status` is everybody's who is on the list.

export const CONTROL_VERBS = [
  /** The enclave and its services looked at; documents asked for. */
  'status',
  /** Lines of services read and followed, and forgotten. */
  'logs',
  /** Services started, stopped, restarted, enabled, disabled, read again. */
  'service',
  /** Processes signalled and restarted. Starting one is `exec`. */
  'process',
  /** The enclave stopped or rebooted. */
  'stop',
  'exec',
  'job',
  /** Files into the enclave, and out of it. */
  'copy-in',
  'copy-out',
  /** The list of operators replaced by a newer one of the same root key. */
  'operators',
] as const;
export type ControlVerb = (typeof CONTROL_VERBS)[number];

/** In an operator's entry: every verb. */
export const EVERY_VERB = 'all';

/** Verbs that need the approval of as many operators as the image measures (`threshold`), where that is more than one. */
export const DANGEROUS_VERBS: readonly ControlVerb[] = ['exec', 'job', 'stop', 'copy-in', 'copy-out', 'operators'];

export function isControlVerb(word: string): word is ControlVerb {
  return (CONTROL_VERBS as readonly string[]).includes(word);
}

export function allowsVerb(verbs: readonly string[], verb: ControlVerb): boolean {
  return verb === 'status' || verbs.includes(verb) || verbs.includes(EVERY_VERB);
}
