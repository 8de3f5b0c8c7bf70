// YAML whose faults have a place.
export type { LocatedFault, LocatedYaml, LocatedYamlOptions } from './parse.ts';
export { parseLocatedYaml } from './parse.ts';
