// Named parts of an image. What the rest of the file needs is there unless the file lists its parts itself, and then what is missing is refused: an
// image that lacks what its file asks for would be found out only when it runs.
import { PolicyError } from '@caisson/core/errors';
import type { ImageComponent } from '@caisson/core/measured';
import type { BuildErrorCode } from './error-code.ts';
import type { BuildSettings } from './settings.ts';

/** What each part is. */
const knownComponents: Readonly<Record<ImageComponent, { readonly what: string }>> = {
  control: { what: 'the control channel on port 53000, for the operators of the image' },
  ready: { what: 'the ready line and the health port' },
  network: { what: 'the bridges of ingress and egress, as a service of its own' },
};

/** Sorted. Throws PolicyError BUILD_COMPONENT. */
export function resolveComponents(settings: BuildSettings): ImageComponent[] {
  const { components, ingress, egress, init, operators } = settings;
  if (init === 'plain') {
    if (components !== null && components.length > 0) {
      throw refuse(`components must be empty with init: plain, got ${components.join(', ')}`);
    }
    return [];
  }
  const needsNetwork = ingress.length + egress.length > 0;
  const hasOperators = operators.rootKey !== null || operators.operators.length > 0;
  const asked = components ?? [
    'ready',
    ...(hasOperators ? (['control'] as const) : []),
    ...(needsNetwork ? (['network'] as const) : []),
  ];
  for (const name of asked) {
    if (!Object.hasOwn(knownComponents, name)) {
      throw refuse(`component ${name} cannot be put into an image: there is no such component`);
    }
  }
  if (needsNetwork && !asked.includes('network')) {
    throw refuse('component network must be listed when there is ingress or egress');
  }
  if (hasOperators && !asked.includes('control')) {
    throw refuse('component control must be listed when there are operators');
  }
  return [...new Set(asked)].sort();
}

function refuse(message: string): PolicyError<BuildErrorCode> {
  const known = Object.entries(knownComponents);
  return new PolicyError('BUILD_COMPONENT', message, {
    hint: `components are ${known.map(([name, { what }]) => `${name} (${what})`).join(', ')}`,
  });
}
