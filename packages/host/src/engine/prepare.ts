// From one enclave as it was asked for to the record that it starts from: the image is made and held to its profile, the boot config is kept, and
// everything is resolved. `up` goes this way for each enclave of a file, and `run` for its one.
import type { BackendKind } from '../backend/index.ts';
import type { EnclaveSpec } from '../compose/index.ts';
import type { RecordedSpec } from '../record/index.ts';
import { keepConfig, prepareConfig } from './boot-config.ts';
import { vainWaitMs } from './config-wait.ts';
import type { EngineContext } from './context.ts';
import { requireBackend, requireProfile } from './foresee.ts';
import type { ImageFacts } from './image-facts.ts';
import { makeImage } from './make-image.ts';
import { resolveSpec } from './resolve-spec.ts';
import { tellRecorded } from './tell-recorded.ts';
import type { Timeline } from './timeline.ts';

export interface AskedEnclave {
  readonly name: string;
  readonly spec: EnclaveSpec;
  readonly backend: BackendKind;
  /** Null for `run`. */
  readonly composeFile: string | null;
  /** Base of relative paths in `spec`. */
  readonly folder: string;
  readonly timeoutMs: number | undefined;
  /** Of an image that was looked at already; otherwise the image is made. */
  readonly given?: ImageFacts | undefined;
}

export interface PreparedEnclave {
  readonly recorded: RecordedSpec;
  readonly vainWaitMs: number | undefined;
}

/** Throws what making the image throws, PolicyError ENGINE_PROFILE, CaissonError ENGINE_CONFIG, and what `resolveSpec` throws. */
export async function prepareEnclave(
  { name, spec, backend, composeFile, folder, timeoutMs, given }: AskedEnclave,
  context: EngineContext,
  timeline: Timeline,
): Promise<PreparedEnclave> {
  const { state, env, version, signal, hold } = context;
  timeline.begin('build');
  const { facts, how } =
    given === undefined
      ? await makeImage({
          state,
          name,
          spec,
          folder,
          composeFile,
          backend,
          env,
          version,
          signal,
          hold,
          say: (level, text, hint) => timeline.note(level, text, hint),
          beforeBuild: () => requireBackend(backend, context),
        })
      : { facts: given, how: 'given' };
  timeline.done(`${how === 'given' ? 'built already' : how}, PCR0 ${facts.measurements.PCR0.slice(0, 12)}`);
  requireProfile({ name, backend, debug: spec.debug ?? false, profile: facts.profile });
  const expect = facts.terms?.config ?? null;
  const prepared = await prepareConfig({ name, config: spec.config, folder, expect });
  const config = prepared && (await keepConfig(state, name, prepared));
  const { recorded, warnings } = resolveSpec({
    name,
    spec,
    facts,
    backend,
    config,
    configBytes: prepared?.bytes,
    env,
    timeoutMs,
    composeFile,
    folder,
    now: new Date(),
  });
  tellRecorded(recorded, warnings, timeline);
  return { recorded, vainWaitMs: vainWaitMs(facts, prepared) };
}
