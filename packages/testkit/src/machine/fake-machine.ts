// A machine that is not here: its files by path, what its programs answer, which sockets it refuses. Folders are what files lie in.
import type { Answer, FileFacts, ListenTarget, Machine } from '@caisson/host/doctor';

export interface FakeMachineParts {
  readonly platform?: string;
  readonly architecture?: string;
  readonly nodeVersion?: string;
  readonly uid?: number;
  readonly gids?: readonly number[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly nowMs?: number;
  readonly addonFault?: string | null;
  /** Contents by path; null: it is not there after all. */
  readonly files?: Readonly<Record<string, string | null>>;
  /** Over what follows from `files`; null: it is not there after all. */
  readonly facts?: Readonly<Record<string, Partial<FileFacts> | null>>;
  /** That this user may not read and write. */
  readonly refused?: readonly string[];
  readonly freeMiB?: number;
  /** By the program and its words, or by the program alone. A text: it is printed, with exit 0. */
  readonly commands?: Readonly<Record<string, string | Partial<Answer>>>;
  /** Codes by `tcp:ADDRESS:PORT` and `vsock`. */
  readonly listening?: Readonly<Record<string, string>>;
}

/** Later parts are added to the first, and stand over them. */
export function createFakeMachine(...parts: readonly FakeMachineParts[]): Machine {
  const all = <Key extends 'files' | 'facts' | 'commands' | 'listening'>(
    key: Key,
  ): NonNullable<FakeMachineParts[Key]> =>
    Object.assign({}, ...parts.map((one) => one[key])) as NonNullable<FakeMachineParts[Key]>;
  const last = <Key extends keyof FakeMachineParts>(key: Key): FakeMachineParts[Key] | undefined =>
    parts.map((one) => one[key]).findLast((value) => value !== undefined);
  const [files, facts, commands, listening] = [all('files'), all('facts'), all('commands'), all('listening')];
  const refused = new Set(parts.flatMap((one) => one.refused ?? []));
  const paths = [...new Set([...Object.keys(files), ...Object.keys(facts)])].filter(
    (path) => files[path] !== null && facts[path] !== null,
  );
  const readText = (path: string): string | undefined => files[path] ?? undefined;
  return {
    platform: last('platform') ?? 'linux',
    architecture: last('architecture') ?? 'x64',
    nodeVersion: last('nodeVersion') ?? '24.21.0',
    uid: last('uid') ?? 1000,
    gids: last('gids') ?? [1000],
    userName: 'someone',
    env: last('env') ?? { PATH: '/usr/bin' },
    nowMs: last('nowMs') ?? Date.UTC(2026, 10, 21),
    addonFault: last('addonFault') ?? null,
    readText,
    list: (path) =>
      [
        ...new Set(
          paths.filter((one) => one.startsWith(`${path}/`)).map((one) => one.slice(path.length + 1).split('/')[0]!),
        ),
      ].sort(),
    stat(path) {
      if (facts[path] === null) return undefined;
      const text = readText(path);
      const isFolder = path === '/' || paths.some((one) => one.startsWith(`${path}/`));
      if (text === undefined && facts[path] === undefined && !isFolder) return undefined;
      const kind = text === undefined ? 'folder' : 'file';
      return { kind, mode: kind === 'file' ? 0o644 : 0o755, uid: 0, gid: 0, bytes: text?.length ?? 0, ...facts[path] };
    },
    mayUse: (path) =>
      !refused.has(path) &&
      (facts[path] !== undefined || readText(path) !== undefined || paths.some((one) => one.startsWith(`${path}/`))),
    space: () => ({ freeMiB: last('freeMiB') ?? 50_000, freeFiles: 1_000_000 }),
    async run(program, words) {
      const said = commands[[program, ...words].join(' ')] ?? commands[program];
      if (said === undefined) return undefined;
      const answer = typeof said === 'string' ? { stdout: said } : said;
      return { exitCode: 0, stdout: '', stderr: '', isCut: false, ...answer };
    },
    async tryListen(target: ListenTarget) {
      const name = target.kind === 'vsock' ? 'vsock' : `tcp:${target.address}:${target.port}`;
      return listening[name] ?? null;
    },
  };
}
