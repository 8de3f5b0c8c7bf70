// The machine as the doctor may see it: one object, so that every check can be asked about machines that are not here. It only looks. Nothing
// in it writes, loads a module or leaves the machine; the instance metadata service is not asked (docs/doctor.md says why).

export interface FileFacts {
  readonly kind: 'file' | 'folder' | 'device' | 'socket' | 'other';
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly bytes: number;
}

export interface Answer {
  /** Null: it was ended by a signal. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** It was ended here, because it took too long or said too much. */
  readonly isCut: boolean;
}

export interface Space {
  readonly freeMiB: number;
  /** Files that can still be made; undefined where the file system does not count them. */
  readonly freeFiles: number | undefined;
}

export type ListenTarget =
  | { readonly kind: 'tcp'; readonly address: string; readonly port: number }
  /** Any CID, and a port that nobody of this house uses. */
  | { readonly kind: 'vsock' };

export interface Machine {
  readonly platform: string;
  /** As Node names it: x64, arm64. */
  readonly architecture: string;
  /** `24.21.0`. */
  readonly nodeVersion: string;
  readonly uid: number;
  /** Of this process; a new member of a group has it only after logging in again. */
  readonly gids: readonly number[];
  readonly userName: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly nowMs: number;
  /** Null: the addon is there. */
  readonly addonFault: string | null;
  /** Undefined: it cannot be read, or is larger than `maxFileBytes`. */
  readText(path: string): string | undefined;
  /** Names, sorted; empty where there is no folder. */
  list(path: string): readonly string[];
  /** Of what a link leads to. */
  stat(path: string): FileFacts | undefined;
  /** By this process, for reading and writing. */
  mayUse(path: string): boolean;
  /** Of the file system at `path`, which must be there. */
  space(path: string): Space | undefined;
  /** With `variables` over its environment. Resolves with undefined where there is no such program. Never rejects. */
  run(
    program: string,
    words: readonly string[],
    variables?: Readonly<Record<string, string>>,
  ): Promise<Answer | undefined>;
  /** Listens and ends at once. Null: it could be done; else the code of the error. */
  tryListen(target: ListenTarget): Promise<string | null>;
}
