// The order of measured services, or the refusal to guess one (P-I2).
import { CaissonError } from '@caisson/core/errors';
import type { Log } from '@caisson/core/log';
import {
  buildServiceGraph,
  describeGraphFault,
  isFatalFault,
  type MeasuredService,
  type ServiceGraph,
} from '@caisson/core/measured';
import type { InitErrorCode } from './error-code.ts';

/** Throws CaissonError INIT_GRAPH that names every cycle and every requirement that does not exist. */
export function soundGraph(services: readonly MeasuredService[], log: Log): ServiceGraph {
  const { graph, faults } = buildServiceGraph(services);
  const fatal = faults.filter(isFatalFault);
  if (fatal.length > 0) {
    throw new CaissonError<InitErrorCode>('INIT_GRAPH', fatal.map(describeGraphFault).join('; '));
  }
  for (const fault of faults) log.warn('INIT_GRAPH_LOOSE', describeGraphFault(fault));
  return graph;
}
