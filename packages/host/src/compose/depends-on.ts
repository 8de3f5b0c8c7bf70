// `depends_on`: which enclave waits for which to be ready. A circle would wait for ever, so it is named when the file is read.
import { nearestWord } from '../service/nearest-word.ts';
import type { ComposeIssue } from './issue-text.ts';
import type { PlacedSpec } from './placed-spec.ts';
import type { EnclaveSpec } from './schema.ts';

export function findDependencyIssues(
  names: readonly string[],
  enclaves: ReadonlyMap<string, PlacedSpec>,
): ComposeIssue[] {
  const issues: ComposeIssue[] = [];
  for (const [name, { spec, path }] of enclaves) {
    for (const [index, other] of (spec.depends_on ?? []).entries()) {
      const at = [...path, 'depends_on', index];
      const place = `depends_on[${index}] of ${name}`;
      if (other === name) issues.push({ path: at, message: `${place} must be another enclave, got its own name` });
      else if (spec.depends_on?.indexOf(other) !== index) {
        issues.push({ path: at, message: `${place} must stand once, got ${other} again` });
      } else if (!names.includes(other)) {
        const nearest = nearestWord(other, names);
        const meant = nearest === undefined ? `there are ${names.join(', ')}` : `did you mean ${nearest}?`;
        issues.push({ path: at, message: `${place} must be an enclave of this file, got ${other}; ${meant}` });
      }
    }
  }
  const circle = findCircle(new Map([...enclaves].map(([name, { spec }]) => [name, spec])));
  const [first] = circle;
  if (first !== undefined) {
    const path = [...(enclaves.get(first)?.path ?? []), 'depends_on'];
    issues.push({ path, message: `enclaves must not wait for each other, got ${[...circle, first].join(' -> ')}` });
  }
  return issues;
}

/** Names in an order in which each comes after what it waits for; the order of the file where there is no other reason. No circles. */
export function startOrder(enclaves: ReadonlyMap<string, EnclaveSpec>): string[] {
  const order = new Set<string>();
  const visit = (name: string): void => {
    if (order.has(name)) return;
    for (const other of enclaves.get(name)?.depends_on ?? []) visit(other);
    order.add(name);
  };
  for (const name of enclaves.keys()) visit(name);
  return [...order];
}

/** The first circle of two or more; empty when there is none. */
function findCircle(enclaves: ReadonlyMap<string, EnclaveSpec>): string[] {
  const done = new Set<string>();
  const walk = (name: string, way: readonly string[]): string[] => {
    if (done.has(name)) return [];
    const at = way.indexOf(name);
    if (at >= 0) return way.slice(at);
    for (const other of enclaves.get(name)?.depends_on ?? []) {
      const circle = other === name ? [] : walk(other, [...way, name]);
      if (circle.length > 0) return circle;
    }
    done.add(name);
    return [];
  };
  for (const name of enclaves.keys()) {
    const circle = walk(name, []);
    if (circle.length > 0) return circle;
  }
  return [];
}
