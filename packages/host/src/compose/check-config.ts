// The boot config of a caisson.yaml as the enclave will judge it: one JSON object, signed where the image asks for it, its variables and
// destinations among those of the image, argonaut's endpoints in their form, its shape that of the image's schema. A config that is refused
// inside costs a boot; here it costs a line.
import { type ConfigFault, isSignedConfig, parseSignedConfig, readConfigContent } from '@caisson/core/config';
import { CaissonError } from '@caisson/core/errors';
import type { ComposeIssue } from './issue-text.ts';
import type { ConfigTerms, NamedConfig } from './read-config.ts';
import type { EnclaveSpec } from './schema.ts';

/** Paths from the enclave's own map. */
export function findConfigIssues(spec: EnclaveSpec, named: NamedConfig | undefined, nowMs: number): ComposeIssue[] {
  if (named?.terms == null) return [];
  return judge(named.bytes, named.terms, nowMs).map((fault) => ({
    path: configPath(spec, fault.path),
    message: `${named.place}: ${fault.message}`,
  }));
}

function judge(bytes: Uint8Array, terms: ConfigTerms, nowMs: number): readonly ConfigFault[] {
  const { unsigned, requireSignature } = terms.config;
  if (isSignedConfig(bytes)) return judgeSigned(bytes, terms, nowMs);
  if (unsigned === 'accept' && !requireSignature) return judgeContent(bytes, terms);
  const rule = requireSignature
    ? 'policy.config.require_signature asks for it'
    : 'policy.config.unsigned is refuse, as it is unless the image is a development image';
  return [whole(`it must be signed for this image (caisson config sign), got an unsigned one; ${rule}`)];
}

/** Whether the signature holds is the enclave's to say: what is asked here is whether the content can be taken at all. */
function judgeSigned(bytes: Uint8Array, terms: ConfigTerms, nowMs: number): readonly ConfigFault[] {
  try {
    const { version, notAfter, config } = parseSignedConfig(bytes);
    const { minimumVersion } = terms.config;
    const faults: ConfigFault[] = [];
    if (version < minimumVersion) faults.push(whole(`its version must be at least ${minimumVersion}, got ${version}`));
    if (notAfter * 1_000 <= nowMs)
      faults.push(whole(`it must still hold, got one that held until ${new Date(notAfter * 1_000).toISOString()}`));
    return [...faults, ...judgeContent(config, terms)];
  } catch (error) {
    if (error instanceof CaissonError) return [whole(error.message)];
    throw error;
  }
}

/** As the enclave will judge it, with the key of caisson.yaml that has the list. */
function judgeContent(bytes: Uint8Array, { config, hasNetwork }: ConfigTerms): readonly ConfigFault[] {
  const read = readConfigContent(bytes, { ...config, hasNetwork });
  if ('environment' in read) return [];
  return read.faults.map(({ rule, path, message }) => {
    if (rule === 'variable')
      return { path, message: `${message}; policy.config.environment is ${config.environment.join(', ') || 'empty'}` };
    return rule === 'destination'
      ? { path, message: `${message}; they are those of policy.config.endpoints` }
      : { path, message };
  });
}

function whole(message: string): ConfigFault {
  return { path: '', message };
}

/** Of `endpoints[3].host` in the config: what stands in a file of its own has the place of its name. */
export function configPath({ config }: EnclaveSpec, path: string): PropertyKey[] {
  if (typeof config === 'string') return ['config'];
  const keys = [...path.matchAll(/\[(\d+)\]|([^.[\]]+)/g)].map(([, index, key]) =>
    index === undefined ? key! : Number(index),
  );
  return ['config', ...keys];
}
