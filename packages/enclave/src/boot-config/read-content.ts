// The content of a config as the config phase answers it: what may be in it is core/config's to say, why it was not taken is a word of the
// ready line.
import { type ConfigFault, type ContentRule, readConfigContent } from '@caisson/core/config';
import type { MeasuredImage } from '@caisson/core/measured';
import type { ReasonCode } from '@caisson/link/ready';

export type ReadContent =
  | { readonly environment: Readonly<Record<string, string>> }
  | { readonly reason: ReasonCode; readonly faults: readonly ConfigFault[] };

const reasons: Readonly<Record<ContentRule, ReasonCode>> = {
  form: 'config-refused',
  variable: 'config-refused',
  endpoint: 'config-endpoint',
  destination: 'config-endpoint',
  schema: 'config-schema',
};

/** Never throws for what the bytes say. The reason is that of the first rule that did not hold; the faults are all of them. */
export function readContent(bytes: Uint8Array, { config, components }: MeasuredImage): ReadContent {
  const read = readConfigContent(bytes, { ...config, hasNetwork: components.includes('network') });
  if ('environment' in read) return read;
  const [first] = read.faults;
  const faults = read.faults.map(({ path, message }) => ({ path, message }));
  return { reason: first === undefined ? 'config-refused' : reasons[first.rule], faults };
}
