// Settings that would make an image nobody can use, or one that says less than its file. Checked here and not only where caisson.yaml
// is read, because a manifest and a library call give settings too. What the measured files may hold is for their own readers.
import { NAME_FORM, NAME_RULE } from '@caisson/core/address';
import { isVariableName } from '@caisson/core/config';
import { PolicyError } from '@caisson/core/errors';
import { VERSION_FORM } from '@caisson/core/measured';
import type { BuildErrorCode } from './error-code.ts';
import type { BuildSettings } from './settings.ts';

// Given: the last second of the year 9999.
const maxEpoch = 253_402_300_799;

/** Throws PolicyError BUILD_SETTING. */
export function verifySettings(settings: BuildSettings): void {
  const { name, version, environment, sourceDateEpoch } = settings;
  if (!NAME_FORM.test(name)) throw refuse('name', `be ${NAME_RULE}`, name);
  if (!VERSION_FORM.test(version)) throw refuse('version', 'be 1 to 64 letters, digits, and . _ + -', version);
  if (!Number.isInteger(sourceDateEpoch) || sourceDateEpoch < 0 || sourceDateEpoch > maxEpoch) {
    throw refuse('SOURCE_DATE_EPOCH', `be whole seconds in 0..${maxEpoch}`, sourceDateEpoch);
  }
  for (const variable of Object.keys(environment)) {
    if (!isVariableName(variable)) throw refuse('env', 'have names of letters, digits and _', variable);
  }
  if (settings.init === 'plain') requireNothingLost(settings);
}

/** A plain image has no measured file and nobody in it who would read one: what asks for one must not be lost without a word. */
function requireNothingLost(settings: BuildSettings): void {
  const { ingress, egress, services, operators, config, lastWords } = settings;
  const asked = {
    ingress: ingress.length > 0,
    egress: egress.length > 0,
    services: Object.keys(services).length > 0,
    init_file: settings.initYaml !== null,
    ready: settings.ready !== null,
    operators: operators.rootKey !== null || operators.operators.length > 0,
    'policy.file_roots': (operators.fileRoots ?? []).length > 0,
    'policy.config': config.expect !== 'none',
    'policy.last_words': lastWords !== 'inside',
  };
  const lost = Object.entries(asked).flatMap(([key, is]) => (is ? [key] : []));
  if (lost.length > 0) throw refuse('image.init', `be caisson where there is ${lost.join(', ')}`, 'plain');
}

function refuse(place: string, bound: string, got: unknown): PolicyError<BuildErrorCode> {
  return new PolicyError('BUILD_SETTING', `${place} must ${bound}, got ${JSON.stringify(got)}`);
}
