// A root file system as a value: what layers are merged into, what a folder becomes, what a ramdisk is written from. In memory
// only names and modes; content stays where it is and is opened when it is written, so that size costs no memory.

/** Content that can be read twice with the same bytes. */
export interface TreeContent {
  /** Bytes. */
  readonly size: number;
  /** A piece lasts until the next is asked for. */
  open(): AsyncIterable<Uint8Array>;
}

interface TreeNode {
  /** Permission bits with setuid, setgid and sticky: 0..0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Where it comes from, for the manifest: `layer sha256:…`, `folder`, `runtime`, `caisson`. */
  readonly origin: string;
}

export type TreeEntry =
  | (TreeNode & { readonly kind: 'directory' })
  | (TreeNode & { readonly kind: 'file'; readonly content: TreeContent })
  | (TreeNode & { readonly kind: 'symlink'; readonly target: string })
  /** A second name of a file: `target` is that file's path in the tree. */
  | (TreeNode & { readonly kind: 'hardlink'; readonly target: string })
  | (TreeNode & { readonly kind: 'character' | 'block'; readonly major: number; readonly minor: number })
  | (TreeNode & { readonly kind: 'fifo' });

/** Paths are relative, without `.` and `..`, NFC or not as they came, `/` between components; the root itself is not in it. */
export type RootTree = ReadonlyMap<string, TreeEntry>;

/** What a container image says about itself, as far as an enclave needs it. */
export interface ImageConfig {
  readonly entrypoint: readonly string[] | null;
  readonly cmd: readonly string[] | null;
  /** `NAME=value`, in the image's order. */
  readonly env: readonly string[];
  readonly workingDir: string | null;
  readonly user: string | null;
  readonly architecture: 'x86_64' | 'aarch64' | null;
}

/** A source, opened: what `caisson build` starts from. `inputs` go into the manifest. */
export interface OpenedSource {
  readonly kind: 'folder' | 'rootfs' | 'oci' | 'docker-archive' | 'registry';
  readonly tree: RootTree;
  readonly config: ImageConfig | null;
  readonly inputs: readonly { readonly name: string; readonly digest: string; readonly size: number }[];
  /** For people: what was decided and could surprise. */
  readonly warnings?: readonly string[];
  /** Removes what it put on disk. */
  close(): Promise<void>;
}
