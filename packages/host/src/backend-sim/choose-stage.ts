// What a simulated enclave can be on this machine: a room of its own, or where the kernel gives none a plain process. The kernel is asked by the very
// steps that a start takes (packages/sys/sim/probe.c): the settings that forbid one are too many to know. Whoever wants a room or nothing says so.
import { spawnSync } from 'node:child_process';
import { CaissonError } from '@caisson/core/errors';
import type { BackendErrorCode, MissingPart } from '../backend/index.ts';

/**
 * `room`: namespaces; as root with users of its own. `single`: the same with one user, where root may not map more. `chroot`: services shut into the
 * image's root, all else this machine's. `folder`: not even that.
 */
export type StageKind = 'room' | 'single' | 'chroot' | 'folder';

/** Whether the image is unpacked into a room of namespaces. */
export function isRoom(kind: StageKind): kind is 'room' | 'single' {
  return kind === 'room' || kind === 'single';
}

export interface StageChoice {
  readonly kind: StageKind;
  /** Why there is no better stage, in the kernel's words; empty for a room. */
  readonly why: string;
  /** True if there is a better stage and somebody asked for this one. */
  readonly isAsked?: boolean;
}

/** `auto` is the best that the machine allows. Any other wish is fulfilled or refused. */
export const STAGE_WISHES = ['auto', 'room', 'chroot', 'folder'] as const;
export type StageWish = (typeof STAGE_WISHES)[number];

// Chosen: it takes two forks and a few system calls.
const askMs = 10_000;
const maxAnswerBytes = 4_096;
const answerForm = /^(room|single|chroot|folder) ([^\n]*)\n$/;

/** Advice for machines without a room. */
const ROOM_HINT =
  'sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns say who may make user namespaces; in a container seccomp and capabilities do; caisson doctor looks';

/**
 * `folder` is where enclaves will be unpacked, if that is known yet. Throws CaissonError BACKEND_UNAVAILABLE for an unknown wish, or one that this
 * machine cannot fulfil.
 */
export function chooseStage(helper: string, wish: string, folder?: string): StageChoice {
  if (!isWish(wish)) {
    throw unavailable(
      `CAISSON_SIM must be one of ${STAGE_WISHES.join(', ')}, got ${JSON.stringify(wish.slice(0, 80))}`,
    );
  }
  const found = askStage(helper, folder);
  if (wish === 'auto' || wish === found.kind || (wish === 'room' && isRoom(found.kind))) return found;
  if (wish === 'room') {
    throw unavailable(`CAISSON_SIM asks for a room of namespaces, and the kernel gives none: ${found.why}`);
  }
  // Somebody asked for less than there is. `chroot` is possible only for root, and on a machine that has more than a folder.
  const mayShut = process.getuid?.() === 0 && found.kind !== 'folder';
  if (wish === 'folder' || mayShut) return { kind: wish, why: `CAISSON_SIM is ${wish}`, isAsked: true };
  throw unavailable(
    `CAISSON_SIM asks for a chroot, and this process may make none`,
    'root may, with CAP_SYS_CHROOT and CAP_MKNOD; CAISSON_SIM=auto takes the best that there is, CAISSON_SIM=folder needs nothing',
  );
}

/** For doctor and foresight: why no enclave could be started here. */
export function findStageFault(helper: string, wish: string): MissingPart | undefined {
  try {
    chooseStage(helper, wish);
    return undefined;
  } catch (error) {
    return { what: `another setting: ${(error as Error).message}`, get: (error as CaissonError).hint ?? ROOM_HINT };
  }
}

function isWish(text: string): text is StageWish {
  return (STAGE_WISHES as readonly string[]).includes(text);
}

function askStage(helper: string, folder: string | undefined): StageChoice {
  const { stdout, error } = spawnSync(helper, ['--probe', ...(folder === undefined ? [] : [folder])], {
    timeout: askMs,
    maxBuffer: maxAnswerBytes,
    encoding: 'latin1',
    killSignal: 'SIGKILL',
    stdio: ['ignore', 'pipe', 'ignore'],
    env: {},
  });
  const [, kind, why = ''] = answerForm.exec(stdout ?? '') ?? [];
  if (kind === undefined)
    throw unavailable(`caisson-sim must say what this machine gives, got ${error?.message ?? stdout}`);
  return { kind: kind as StageKind, why };
}

function unavailable(message: string, hint = ROOM_HINT): CaissonError<BackendErrorCode> {
  return new CaissonError('BACKEND_UNAVAILABLE', message, { hint });
}
