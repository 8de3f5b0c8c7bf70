// caisson.yaml in its own form: one enclave at the top, or several under `enclaves`.
import { isMapValue } from '../located-yaml/index.ts';
import { describeIssues } from './issue-text.ts';
import type { FormReading, PlacedSpec } from './placed-spec.ts';
import { enclaveSchema, flatSchema, manySchema } from './schema.ts';

// Chosen: a parent has four; a hundred are wanted at once where somebody tries what happens.
const mostEnclaves = 1_000;

export function readOwnForm(value: unknown): FormReading {
  if (isMapValue(value) && 'enclaves' in value) return readMany(value);
  const { success, data, error } = flatSchema.safeParse(value);
  if (!success) {
    return { names: [], enclaves: new Map(), issues: describeIssues(error.issues, value, flatSchema), notes: [] };
  }
  const { name, ...spec } = data;
  return { names: [name], enclaves: new Map([[name, { spec, path: [] }]]), issues: [], notes: [] };
}

function readMany(value: Readonly<Record<string, unknown>>): FormReading {
  const { enclaves } = value;
  const entries = isMapValue(enclaves) ? Object.entries(enclaves) : [];
  if (entries.length > mostEnclaves) {
    const message = `enclaves must be at most ${mostEnclaves}, got ${entries.length}`;
    return { names: [], enclaves: new Map(), issues: [{ path: ['enclaves'], message }], notes: [] };
  }
  const { success, error } = manySchema.safeParse(value);
  const issues = success ? [] : describeIssues(error.issues, value, manySchema);
  if (success && entries.length === 0) {
    issues.push({ path: ['enclaves'], message: 'enclaves must have at least one, got none' });
  }
  // Those that hold by themselves are held against each other even where another one has a fault: all of them are shown at once.
  const placed = entries.flatMap(([name, one]): [string, PlacedSpec][] => {
    const read = enclaveSchema.safeParse(one);
    return read.success ? [[name, { spec: read.data, path: ['enclaves', name] }]] : [];
  });
  return { names: entries.map(([name]) => name), enclaves: new Map(placed), issues, notes: [] };
}
