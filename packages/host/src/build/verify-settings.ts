// Settings that would make an image nobody can use, or one that says more than it holds. Checked here and not only where caisson.yaml
// is read, because a manifest and a library call give settings too.
import { createPublicKey } from 'node:crypto';
import { isForbiddenVariable, isVariableName } from '@caisson/core/config';
import { PolicyError } from '@caisson/core/errors';
import type { BuildErrorCode } from './error-code.ts';
import type { BuildSettings } from './settings.ts';

// Given: wire.md 10.
const nameForm = /^[a-z][a-z0-9-]{0,62}$/;
// Chosen: what can stand in a file name and in a tag.
const versionForm = /^[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}$/;
// Given: the last second of the year 9999.
const maxEpoch = 253_402_300_799;

/** Throws PolicyError BUILD_SETTING. */
export function verifySettings(settings: BuildSettings): void {
  const { name, version, config, operators, lastWords, lastWordsKey, sourceDateEpoch } = settings;
  if (!nameForm.test(name)) throw refuse('name', 'be 1 to 63 of a-z, 0-9 and -, beginning with a letter', name);
  if (!versionForm.test(version)) throw refuse('version', 'be 1 to 64 letters, digits, and . + _ -', version);
  if (!Number.isInteger(sourceDateEpoch) || sourceDateEpoch < 0 || sourceDateEpoch > maxEpoch) {
    throw refuse('SOURCE_DATE_EPOCH', `be whole seconds in 0..${maxEpoch}`, sourceDateEpoch);
  }
  for (const variable of Object.keys(settings.environment)) {
    if (!isVariableName(variable)) throw refuse('env', 'be names of variables', variable);
  }
  for (const variable of config.environment) {
    if (!isVariableName(variable)) throw refuse('policy.config.environment', 'list names of variables', variable);
    if (isForbiddenVariable(variable)) {
      const bound = 'list no variable that steers a loader, a runtime, a shell or Caisson itself';
      throw refuse('policy.config.environment', bound, variable);
    }
  }
  for (const key of config.keys) requireKey('policy.config.keys', key, 'ed25519');
  if (config.requireSignature && config.keys.length === 0) {
    throw refuse('policy.config.keys', 'name a key when require_signature is on', 'none');
  }
  if (config.requireSignature && config.unsigned === 'accept') {
    throw refuse('policy.config.unsigned', 'be refuse when require_signature is on', 'accept');
  }
  if (operators.rootKey !== null) requireKey('operators.root_key', operators.rootKey, 'ed25519');
  if (operators.threshold < 1) throw refuse('operators.threshold', 'be at least 1', operators.threshold);
  if ((lastWords === 'sealed') !== (lastWordsKey !== null)) {
    throw refuse('policy.last_words', 'be sealed if and only if last_words_key is given', lastWords);
  }
  if (lastWordsKey !== null) requireKey('policy.last_words_key', lastWordsKey, 'x25519');
}

/** SubjectPublicKeyInfo, DER in base64. */
function requireKey(place: string, text: string, type: 'ed25519' | 'x25519'): void {
  let found: string | undefined;
  try {
    const key = createPublicKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'spki' });
    found = key.asymmetricKeyType;
  } catch {
    found = 'something else';
  }
  if (found !== type) throw refuse(place, `be an ${type} public key (SubjectPublicKeyInfo, DER, base64)`, found);
}

function refuse(place: string, bound: string, got: unknown): PolicyError<BuildErrorCode> {
  return new PolicyError('BUILD_SETTING', `${place} must ${bound}, got ${JSON.stringify(got)}`);
}
