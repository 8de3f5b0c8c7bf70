// The requests of this end that wait for a reply, by id. Ids rise and are used again only after 2^31 requests, but the place of one
// is found in a ring by its low bits: a Map costs more than the rest of a small message together.
import { connectionId, maxId } from './messages.ts';

export class RequestTable<Entry extends { id: number }> {
  #ring: (Entry | undefined)[] = new Array(16).fill(undefined);
  #nextId: number;
  #size = 0;

  /** A dialler's ids are odd, a listener's even. */
  constructor(role: 'dialler' | 'listener') {
    this.#nextId = role === 'dialler' ? 1 : 2;
  }

  get size(): number {
    return this.#size;
  }

  /** Gives `entry` its id. */
  add(entry: Entry): void {
    if (this.#size * 2 >= this.#ring.length) this.#grow();
    for (;;) {
      const id = this.#nextId;
      this.#nextId = (id + 2) % (maxId + 1);
      // A long stream keeps its place; its neighbours in the ring go around it.
      const slot = this.#slot(id);
      if (id === connectionId || this.#ring[slot] !== undefined) continue;
      entry.id = id;
      this.#ring[slot] = entry;
      this.#size += 1;
      return;
    }
  }

  get(id: number): Entry | undefined {
    const entry = this.#ring[this.#slot(id)];
    return entry !== undefined && entry.id === id ? entry : undefined;
  }

  remove(entry: Entry): void {
    this.#ring[this.#slot(entry.id)] = undefined;
    this.#size -= 1;
  }

  *[Symbol.iterator](): Iterator<Entry> {
    for (const entry of this.#ring) if (entry !== undefined) yield entry;
  }

  #slot(id: number): number {
    return (id >>> 1) & (this.#ring.length - 1);
  }

  #grow(): void {
    const entries = this.#ring;
    this.#ring = new Array(entries.length * 2).fill(undefined);
    // Different low bits before, different low bits after: nobody can meet anybody.
    for (const entry of entries) if (entry !== undefined) this.#ring[this.#slot(entry.id)] = entry;
  }
}
