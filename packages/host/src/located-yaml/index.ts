// YAML whose faults have a place.
export type { LocatedFault, LocatedYaml, LocatedYamlOptions } from './parse.ts';
export { isMapValue, parseLocatedYaml } from './parse.ts';
