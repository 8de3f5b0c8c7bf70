// The way from the top of a tree to the folder in hand, kept open: the next file of the same folder costs no walk, and one of another
// folder only the part that differs.
import type { Folder } from './folder.ts';

export class Walk {
  readonly #top: Folder;
  readonly #make: boolean;
  readonly #names: string[] = [];
  readonly #folders: Folder[] = [];

  /** Holds `top` until it is closed. `make`: folders that are missing are made. */
  constructor(top: Folder, { make }: { readonly make: boolean }) {
    this.#top = top.hold();
    this.#make = make;
  }

  /** The folder at `names` below the top; held by this walk, so who keeps it longer holds it himself. */
  to(names: readonly string[]): Folder {
    let shared = 0;
    while (shared < names.length && shared < this.#names.length && names[shared] === this.#names[shared]) shared += 1;
    this.#backTo(shared);
    for (const name of names.slice(shared)) {
      const from = this.#folders.at(-1) ?? this.#top;
      if (this.#make) from.makeFolder(name);
      this.#folders.push(from.child(name));
      this.#names.push(name);
    }
    return this.#folders.at(-1) ?? this.#top;
  }

  close(): void {
    this.#backTo(0);
    this.#top.release();
  }

  #backTo(depth: number): void {
    this.#names.length = depth;
    for (const folder of this.#folders.splice(depth)) folder.release();
  }
}
