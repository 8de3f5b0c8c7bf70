// A measured image with everything at rest, for tests to change one thing of.
import type { MeasuredConfigTerms, MeasuredImage } from '@caisson/core/measured';

export interface ImageChanges extends Partial<Omit<MeasuredImage, 'config'>> {
  readonly config?: Partial<MeasuredConfigTerms>;
}

/** Takes any unsigned JSON object within a second; nothing else is open. */
export function measuredImage({ config = {}, ...changes }: ImageChanges = {}): MeasuredImage {
  return {
    v: 1,
    name: 'hello',
    version: '1.0.0',
    profile: 'development',
    components: [],
    ingress: [],
    egress: [],
    lastWords: 'inside',
    lastWordsKey: null,
    healthPort: null,
    ...changes,
    config: {
      expect: 'required',
      timeoutMs: 60_000,
      unsigned: 'accept',
      requireSignature: false,
      minimumVersion: 0,
      label: null,
      keys: [],
      endpoints: null,
      environment: [],
      schema: null,
      ...config,
    },
  };
}
