// Keys of one enclave that are well by themselves and not beside each other. What would be lost without a word is a fault: an image that is
// built takes no command, a number of CPUs says nothing beside their names.
import { findNetworkConflict, waysInOf, waysOutOf } from '@caisson/core/measured';
import { readIngressRule } from './ingress-rule.ts';
import type { ComposeIssue } from './issue-text.ts';
import { localOperatorRule } from './local-operator.ts';
import type { EnclaveSpec } from './schema.ts';

// Chosen: what an image that is built has decided already.
const decidedByImage = [
  ...(['version', 'cmd', 'env', 'workdir', 'user', 'components', 'services', 'init_file', 'operators'] as const),
];
const decidedInImage = ['rootfs', 'init', 'kernel', 'cmdline', 'nitro_cli_compat', 'exclude'] as const;

/** Paths from the enclave's own map. */
export function findSpecIssues(spec: EnclaveSpec): ComposeIssue[] {
  return [
    ...imageIssues(spec),
    ...resourceIssues(spec),
    ...readyIssues(spec),
    ...policyIssues(spec),
    ...operatorIssues(spec),
    ...networkIssues(spec),
  ];
}

function imageIssues(spec: EnclaveSpec): ComposeIssue[] {
  const image = typeof spec.image === 'object' ? spec.image : {};
  if (image.eif === undefined) {
    return image.pcr0 === undefined
      ? []
      : [issue(['image', 'pcr0'], 'image.pcr0 must stand beside image.eif, got no image.eif')];
  }
  const lost = (key: string): string => `${key} must not stand beside image.eif, which is built already, got it`;
  return [
    ...(image.source === undefined ? [] : [issue(['image', 'source'], lost('image.source'))]),
    ...decidedInImage
      .filter((key) => image[key] !== undefined)
      .map((key) => issue(['image', key], lost(`image.${key}`))),
    ...decidedByImage.filter((key) => spec[key] !== undefined).map((key) => issue([key], lost(key))),
    ...(spec.policy?.config === undefined ? [] : [issue(['policy', 'config'], lost('policy.config'))]),
  ];
}

function resourceIssues({ resources = {} }: EnclaveSpec): ComposeIssue[] {
  if (resources.cpus === undefined || resources.cpu_ids === undefined) return [];
  return [issue(['resources', 'cpus'], 'resources must have one of cpus and cpu_ids, got both')];
}

function readyIssues({ ready, image, services }: EnclaveSpec): ComposeIssue[] {
  const [kind] = Object.keys(ready ?? {}).filter((key) => key !== 'timeout');
  if (kind === undefined) return [];
  const must = (text: string): ComposeIssue[] => [
    issue(['ready', kind], `ready.${kind} must not stand ${text}, got it`),
  ];
  if (typeof image === 'object' && image.eif !== undefined) return must('beside image.eif, which is built already');
  if (typeof image === 'object' && image.init === 'plain') return must('with image.init plain, which knows no ready');
  const isTold = typeof services === 'object' && ('app' in services || 'app.service' in services);
  return isTold ? must('beside services.app, which says it itself') : [];
}

function policyIssues({ policy = {}, config }: EnclaveSpec): ComposeIssue[] {
  const issues: ComposeIssue[] = [];
  const at = ['policy', 'last_words_key'];
  if (policy.last_words === 'sealed' && policy.last_words_key === undefined) {
    issues.push(issue(['policy', 'last_words'], 'policy.last_words sealed must have policy.last_words_key, got none'));
  }
  if (policy.last_words !== 'sealed' && policy.last_words_key !== undefined) {
    issues.push(issue(at, 'policy.last_words_key must stand beside policy.last_words: sealed, got it alone'));
  }
  if (config !== undefined && policy.config?.expect === 'none') {
    issues.push(issue(['config'], 'config must not stand beside policy.config.expect none, got it'));
  }
  return issues;
}

function operatorIssues({ operators = {}, profile = 'production' }: EnclaveSpec): ComposeIssue[] {
  if (operators.local === undefined || profile === 'development') return [];
  return [issue(['operators', 'local'], localOperatorRule)];
}

/** Checked by the builder's own rule, which would otherwise refuse much later. */
function networkIssues({ ingress = [], egress = [], operators, policy = {}, components }: EnclaveSpec): ComposeIssue[] {
  const rules = ingress.map(readIngressRule);
  const image = {
    ingress: rules.map(({ vsockPort, port }) => ({ vsockPort, targetPort: port })),
    egress: egress.map((one) => {
      if (typeof one === 'object') return one;
      const at = one.lastIndexOf(':');
      return { host: one.slice(0, at), port: Number(one.slice(at + 1)) };
    }),
    // The builder moves the health port that nobody chose.
    healthPort: policy.health_port === false ? null : (policy.health_port ?? null),
    components: operators !== undefined || components?.includes('control') === true ? (['control'] as const) : [],
  };
  const conflict = findNetworkConflict(waysInOf(image), waysOutOf(image), image);
  if (conflict === undefined) return [];
  const { what, first, second } = conflict;
  const match = /(ingress|egress)\[(\d+)\]/.exec(second);
  const path = match === null ? [] : [match[1]!, Number(match[2])];
  return [issue(path, `${what} must have one user, got ${first} and ${second}`)];
}

function issue(path: readonly PropertyKey[], message: string): ComposeIssue {
  return { path, message };
}
