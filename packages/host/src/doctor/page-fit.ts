// Huge pages as nitro-cli deals them out: an enclave takes the largest that fit into what it still needs, then one smaller page for the rest, and one
// page is never of two enclaves. So a sum that is enough may not be enough for each.

export interface PageStock {
  /** Largest first. */
  readonly sizesMiB: readonly number[];
}

/** Page counts that the allocator makes of one figure: the largest pages first, whatever is left in smaller ones. */
export function splitPages(memoryMiB: number, { sizesMiB }: PageStock): number[] {
  let left = memoryMiB;
  return sizesMiB.map((size, index) => {
    const isLast = index === sizesMiB.length - 1;
    const pages = isLast ? Math.ceil(left / size) : Math.floor(left / size);
    left = Math.max(0, left - pages * size);
    return pages;
  });
}

/** Whether each of `enclaves` gets its memory, in this order, of what one reservation of `memoryMiB` comes to. */
export function fitsEach(memoryMiB: number, enclaves: readonly number[], stock: PageStock): boolean {
  const free = splitPages(memoryMiB, stock);
  for (const need of enclaves) {
    let left = need;
    for (const [index, size] of stock.sizesMiB.entries()) {
      const take = Math.min(free[index] ?? 0, Math.floor(left / size));
      free[index] = (free[index] ?? 0) - take;
      left -= take * size;
    }
    // The rest is covered by the smallest pages that are free.
    for (let index = stock.sizesMiB.length - 1; index >= 0 && left > 0; index -= 1) {
      const size = stock.sizesMiB[index] ?? 0;
      while (left > 0 && (free[index] ?? 0) > 0) {
        free[index] = (free[index] ?? 0) - 1;
        left -= size;
      }
    }
    if (left > 0) return false;
  }
  return true;
}

/** The least figure from `leastMiB` on, in steps of the smallest page, that serves all in either order of start. */
export function leastReservation(enclaves: readonly number[], stock: PageStock): number {
  const smallest = stock.sizesMiB.at(-1) ?? 1;
  const [largest = smallest] = stock.sizesMiB;
  const rounded = enclaves.map((one) => Math.ceil(one / smallest) * smallest);
  const least = rounded.reduce((sum, one) => sum + one, 0);
  const most = enclaves.reduce((sum, one) => sum + Math.ceil(one / largest) * largest, 0);
  const orders = [rounded, rounded.toReversed(), rounded.toSorted((left, right) => right - left)];
  for (let figure = least; figure < most; figure += smallest) {
    if (orders.every((order) => fitsEach(figure, order, stock))) return figure;
  }
  return Math.max(least, most);
}
