// What a development image lets others do, and whom: its operators by their keys, and anyone on the parent without one (docs/wire/ready.md,
// docs/operators.md).
import type { BuildSettings } from './settings.ts';

/** After `a development image`. */
export function describeDevelopment({
  init,
  operators,
  config,
}: Pick<BuildSettings, 'init' | 'operators' | 'config'>): string {
  if (init === 'plain') return 'is refused by attest policy create without --allow-development';
  const hasOperators = operators.rootKey !== null || operators.operators.length > 0;
  const takesAnyConfig = config.expect !== 'none' && config.unsigned === 'accept' && !config.requireSignature;
  const parts = [
    ...(hasOperators ? ["gives a shell to whoever holds an operator's key"] : []),
    ...(takesAnyConfig ? ['takes its boot config from anyone on the parent'] : []),
  ];
  const last = 'shows anyone on the parent the last lines of a service that failed';
  return parts.length === 0 ? last : `${parts.join(', ')} and ${last}`;
}
