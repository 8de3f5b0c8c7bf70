// `run`: one enclave from an image or a source, as if a caisson.yaml of one entry had said so.
import { existsSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { PolicyError } from '@caisson/core/errors';
import { type EnclaveSpec, readNamedConfig } from '../compose/index.ts';
import { DEVELOPMENT_OPERATOR } from '../operator/index.ts';
import { isEnclaveName, isRunning, listRecords } from '../record/index.ts';
import { imageStoreFolder, isImageTag, openImageStore } from '../store/index.ts';
import { chooseBackend } from './choose-backend.ts';
import type { RunCommand } from './command.ts';
import type { EngineContext } from './context.ts';
import type { EngineErrorCode } from './error-code.ts';
import { faultOfError } from './failure.ts';
import { foresee } from './foresee.ts';
import { readImageFacts } from './image-facts.ts';
import { faultOutcome, outcomeOf } from './outcome.ts';
import { prepareEnclave } from './prepare.ts';
import type { UpOutcome } from './result.ts';
import { requireName, startEnclave } from './start-enclave.ts';
import { Timeline } from './timeline.ts';

/** Throws PolicyError ENGINE_IMAGE for words that fit no image of this kind, CaissonError ENGINE_NAME, and what the store throws. */
export async function run(command: RunCommand, context: EngineContext): Promise<UpOutcome> {
  const { state, env, signal, onEvent } = context;
  const image = await findImage(command, env);
  const given = 'eif' in image ? await readImageFacts(image.eif) : undefined;
  const name = command.name ?? (await freeName(nameOf(given?.name ?? command.image), state));
  await requireName(state, name, null);
  const { backend, why } = chooseBackend(command.backend, env);
  const simulated = backend === 'nitro' ? '' : '; SIMULATED: it proves nothing about hardware';
  onEvent({ kind: 'note', enclave: null, level: 'info', text: `backend ${backend} (${why})${simulated}` });
  const spec = specOf(command, image);
  await foresee([{ name, backend, spec, config: await readNamedConfig(spec, resolve('.')) }], context);
  const timeline = new Timeline(name, onEvent);
  try {
    const { timeoutMs, detach } = command;
    const asked = { name, spec, backend, composeFile: null, folder: resolve('.'), timeoutMs, given };
    const { recorded, vainWaitMs } = await prepareEnclave(asked, context, timeline);
    const operator = 'source' in image ? operatorOf(command) : command.operator;
    return outcomeOf(
      recorded,
      timeline,
      await startEnclave(context, { spec: recorded, detach, operator, vainWaitMs, composeFile: undefined }, timeline),
    );
  } catch (error) {
    signal?.throwIfAborted();
    const fault = faultOfError(error);
    timeline.failed(fault.failure.message);
    return faultOutcome(name, timeline, fault);
  }
}

/** The file of an image, or a source to build one from. */
async function findImage({ image, command, profile, operator }: RunCommand, env: EngineContext['env']) {
  const place = resolve(image);
  const stat = statSync(place, { throwIfNoEntry: false });
  if (stat?.isFile() === true && /\.ya?ml$/.test(image)) {
    throw new PolicyError<EngineErrorCode>(
      'ENGINE_IMAGE',
      `image ${image} must be an image or a source, got a caisson.yaml`,
      {
        hint: `caisson up -f ${image} starts what it says`,
      },
    );
  }
  const isBuilt = stat?.isFile() === true && !/\.tar$/.test(image);
  const folder = imageStoreFolder(env);
  const isStored = stat === undefined && isImageTag(image) && existsSync(folder);
  if (!isBuilt && !isStored) return { source: stat === undefined ? image : place };
  if (command.length > 0 || profile !== undefined || operator !== undefined) {
    throw new PolicyError<EngineErrorCode>(
      'ENGINE_IMAGE',
      `image ${image} must be a source to be given a command, a profile or an operator, got one that is built`,
      { hint: 'what it runs, its profile and its operators are measured: name the source, or build another image' },
    );
  }
  return { eif: isBuilt ? place : (await (await openImageStore(folder)).open(image)).path };
}

function specOf(command: RunCommand, image: { readonly source: string } | { readonly eif: string }): EnclaveSpec {
  const { cpus, memoryMiB, cid, config, debug, ingress, egress, restart, labels } = command;
  const isSource = 'source' in image;
  const operator = operatorOf(command);
  return {
    image,
    debug,
    restart,
    labels: { ...labels },
    ...(isSource && { profile: command.profile ?? 'development' }),
    ...(isSource && command.command.length > 0 && { cmd: [...command.command] }),
    ...(isSource && operator !== undefined && { operators: { local: operator } }),
    resources: {
      ...(cpus !== undefined && ('count' in cpus ? { cpus: cpus.count } : { cpu_ids: [...cpus.ids] })),
      ...(memoryMiB !== undefined && { memoryMiB }),
    },
    ...(cid !== undefined && { cid }),
    ...(config !== undefined && { config }),
    ...(ingress.length > 0 && { ingress: [...ingress] }),
    ...(egress.length > 0 && { egress: [...egress] }),
  };
}

/** Whoever runs a source of his own wants to look inside, which needs a key; a production image measures only what it is told to. */
function operatorOf({ operator, profile }: RunCommand): string | undefined {
  return operator ?? (profile === 'production' ? undefined : DEVELOPMENT_OPERATOR);
}

/** `hello` of `hello.eif`, `hello:2`, `./hello/`, `docker://example.org/hello:2`. */
function nameOf(image: string): string {
  const last = basename(image.replace(/\/+$/, '') || 'enclave');
  const plain = (last === '.' || last === '..' ? basename(resolve(image)) : last)
    .replace(/\.(eif|tar)$/, '')
    .replace(/[:@].*$/, '')
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 50);
  return isEnclaveName(plain) ? plain : 'enclave';
}

async function freeName(name: string, state: string): Promise<string> {
  const taken = new Set((await listRecords(state)).filter(isRunning).map((record) => record.name));
  for (let number = 1; ; number += 1) {
    const candidate = number === 1 ? name : `${name}-${number}`;
    if (!taken.has(candidate)) return candidate;
  }
}
