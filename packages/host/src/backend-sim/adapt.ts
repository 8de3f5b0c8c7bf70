// What of an image cannot run here as it is, and what stands in its place: the program of a production image, which knows no wall but the real one,
// without root the users of services, and where the root is a folder the launcher, which knows one path alone. Each is told to whoever starts the
// enclave; the measurements stay those of the image.

import { CaissonError } from '@caisson/core/errors';
import { parseMeasuredServices, writeMeasuredServices } from '@caisson/core/measured';
import type { BackendErrorCode } from '../backend/index.ts';
import { readArchitecture, runtimeArgv } from '../runtime/index.ts';
import { findDevelopmentProgram } from './find-helper.ts';
import { LAUNCHER_PATH, PROGRAM_PATH, type ReadImage, SERVICES_PATH } from './read-image.ts';

export interface Adaptation {
  /** What replaces files of the image, by path: the bytes of another file, or these bytes. */
  readonly instead: ReadonlyMap<string, { readonly file: string } | { readonly bytes: Uint8Array }>;
  readonly isProgramReplaced: boolean;
  /** Services whose user or group was dropped. */
  readonly servicesWithoutUser: readonly string[];
}

export interface AdaptTerms {
  readonly appliesUsers: boolean;
  /** Path of the enclave's `/` on this machine, where programs inside have to be told it. */
  readonly root: string | undefined;
}

/** Throws CaissonError BACKEND_UNAVAILABLE without a program to put in, and what `parseMeasuredServices` throws. */
export function adaptImage(
  { plan, profile, hasProgram, services }: ReadImage,
  { appliesUsers, root }: AdaptTerms,
): Adaptation {
  const instead = new Map<string, { readonly file: string } | { readonly bytes: Uint8Array }>();
  const isProgramReplaced = profile === 'production' && hasProgram;
  if (isProgramReplaced) instead.set(PROGRAM_PATH, { file: requireProgram() });
  if (root !== undefined && plan.files.has(LAUNCHER_PATH)) instead.set(LAUNCHER_PATH, { bytes: launcherIn(root) });
  const servicesWithoutUser: string[] = [];
  if (!appliesUsers && services !== undefined) {
    const measured = parseMeasuredServices(services);
    const same = measured.services.map((service) => {
      if (service.user === null && service.group === null) return service;
      servicesWithoutUser.push(service.name);
      return { ...service, user: null, group: null };
    });
    if (servicesWithoutUser.length > 0) {
      instead.set(SERVICES_PATH, { bytes: writeMeasuredServices({ ...measured, services: same }) });
    }
  }
  return { instead, isProgramReplaced, servicesWithoutUser };
}

/** What packages/sys/launcher does, with the root before its paths. A program that asks for a shell by name gets this machine's. */
function launcherIn(root: string): Uint8Array {
  const words = [...runtimeArgv(readArchitecture()), '/usr/lib/caisson/caisson-enclave.mjs'];
  const led = words.map((word) => (word.startsWith('/') ? quote(`${root}${word}`) : word));
  return Buffer.from(`#!/bin/sh\nexec ${led.join(' ')} --called-as "\${0##*/}" "$@"\n`);
}

function quote(path: string): string {
  return `'${path.replaceAll("'", "'\\''")}'`;
}

function requireProgram(): string {
  const found = findDevelopmentProgram();
  if (found !== undefined) return found;
  throw new CaissonError<BackendErrorCode>(
    'BACKEND_UNAVAILABLE',
    'the backend sim needs caisson-enclave-development.mjs to run a production image',
    { hint: 'npm run build makes it' },
  );
}
