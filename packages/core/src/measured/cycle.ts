// Cycles in a graph of names: one for each knot (strongly connected component), as short as it goes, so that a person sees which
// line to take out. Iterative, because the depth of a graph is its author's choice and the stack is not.

type Edges = ReadonlyMap<string, ReadonlySet<string>>;

/** Each starts at its least name; in order of that name. `names` sorted; edges to other names are ignored. */
export function findCycles(names: readonly string[], edges: Edges): string[][] {
  return findKnots(names, edges)
    .map((knot) => shortestCycle([...knot].sort(), edges))
    .sort((left, right) => ((left[0] ?? '') < (right[0] ?? '') ? -1 : 1));
}

/** Tarjan's strongly connected components that hold a cycle. */
function findKnots(names: readonly string[], edges: Edges): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const onStack = new Set<string>();
  const stack: string[] = [];
  const knots: string[][] = [];
  const known = new Set(names);

  const open = (name: string) => {
    index.set(name, index.size);
    low.set(name, index.get(name) ?? 0);
    stack.push(name);
    onStack.add(name);
    return { name, targets: [...(edges.get(name) ?? [])].filter((target) => known.has(target)), at: 0 };
  };
  const lower = (name: string, value: number | undefined): void => {
    low.set(name, Math.min(low.get(name) ?? 0, value ?? 0));
  };

  for (const root of names) {
    if (index.has(root)) continue;
    const path = [open(root)];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const target = top.targets[top.at];
      top.at += 1;
      if (target !== undefined) {
        if (!index.has(target)) path.push(open(target));
        else if (onStack.has(target)) lower(top.name, index.get(target));
        continue;
      }
      path.pop();
      const parent = path.at(-1);
      if (parent !== undefined) lower(parent.name, low.get(top.name));
      if (low.get(top.name) !== index.get(top.name)) continue;
      const knot = stack.splice(stack.indexOf(top.name));
      for (const name of knot) onStack.delete(name);
      if (knot.length > 1 || edges.get(top.name)?.has(top.name)) knots.push(knot);
    }
  }
  return knots;
}

/** Breadth first from the least name of the knot back to itself. */
function shortestCycle(knot: readonly string[], edges: Edges): string[] {
  const [start = ''] = knot;
  const inside = new Set(knot);
  const from = new Map<string, string>();
  let level = [start];
  while (level.length > 0) {
    const next: string[] = [];
    for (const name of level) {
      for (const target of edges.get(name) ?? []) {
        if (target === start) return pathTo(name, from, start);
        if (!inside.has(target) || from.has(target)) continue;
        from.set(target, name);
        next.push(target);
      }
    }
    level = next;
  }
  return [...knot];
}

function pathTo(end: string, from: ReadonlyMap<string, string>, start: string): string[] {
  const path: string[] = [];
  for (let at: string | undefined = end; at !== undefined && at !== start; at = from.get(at)) path.unshift(at);
  return [start, ...path];
}
