// The way to an entry's folder. A link that a lower layer made is followed, as every container engine does (`lib` of a usr-merged base is
// one), but inside the tree only: a target that climbs over the root is refused rather than stopped there. A link that the same layer
// made is not followed: an archive that makes a link and then writes through it is the oldest attack on whoever unpacks it.
import { LimitError } from '@caisson/core/errors';
import { refused } from './layer.ts';
import type { LayerErrorCode } from './layer-error-code.ts';
import { createNode, impliedFolder, type LayerNode } from './layer-node.ts';

export interface WalkOptions {
  readonly layer: number;
  /** Of the layer. */
  readonly origin: string;
  /** For messages: layer, entry and what it is. */
  readonly what: string;
  /** Makes folders that are missing; without it their absence is the answer. */
  readonly create: boolean;
}

export interface WalkBudget {
  /** Folders that may still be made. */
  nodes: number;
  /** Steps that all walks together may still take. */
  steps: number;
}

// Given: MAXSYMLINKS and PATH_MAX of Linux, less the folder that roots stand in.
const maxLinks = 40;
const maxPathBytes = 4_000;

/** Throws PolicyError LAYER_PARENT, LAYER_PATH and LimitError LAYER_LIMIT. */
export function walkToFolder(
  root: LayerNode,
  words: readonly string[],
  budget: WalkBudget,
  { layer, origin, what, create }: WalkOptions,
): LayerNode | undefined {
  const nodes = [root];
  const names: string[] = [];
  const rest = words.toReversed();
  for (let links = 0; rest.length > 0; ) {
    budget.steps -= 1;
    if (budget.steps < 0) throw tooMuch(`${what}: the links and folders on the way are too many to follow`);
    const word = rest.pop()!;
    if (word === '..') {
      if (nodes.length === 1)
        throw refused('LAYER_PARENT', `${what} must stand inside of the root, got a link that leads over it`);
      nodes.pop();
      names.pop();
      continue;
    }
    const at = nodes.at(-1)!;
    let next = at.children!.get(word);
    if (next === undefined) {
      if (!create) return undefined;
      // A link's target may have such a word; made into a folder it would hide things once the tree is a layer again.
      if (word.startsWith('.wh.'))
        throw refused('LAYER_WHITEOUT', `${what} must not stand below a whiteout, got a link to one`);
      budget.nodes -= 1;
      if (budget.nodes < 0) throw tooMuch(`${what}: the tree has more entries than it may have`);
      next = createNode(impliedFolder(origin), layer);
      at.children!.set(word, next);
    }
    const place = JSON.stringify([...names, word].join('/'));
    if (next.inode.kind === 'symlink') {
      if (next.layer === layer) {
        throw refused(
          'LAYER_PARENT',
          `${what} must not stand below ${place}, a symbolic link that the same layer made`,
        );
      }
      links += 1;
      if (links > maxLinks)
        throw refused('LAYER_PARENT', `${what} must stand behind at most ${maxLinks} links, got more`);
      const target = next.inode.target!;
      if (target.startsWith('/')) {
        nodes.length = 1;
        names.length = 0;
      }
      rest.push(
        ...target
          .split('/')
          .filter((one) => one !== '' && one !== '.')
          .reverse(),
      );
    } else if (next.children === null) {
      throw refused('LAYER_PARENT', `${what} must stand in folders, got ${place}, a ${next.inode.kind}`);
    } else {
      nodes.push(next);
      names.push(word);
    }
  }
  if (names.length > 0 && Buffer.byteLength(names.join('/')) > maxPathBytes) {
    throw refused('LAYER_PATH', `${what} must have at most ${maxPathBytes} bytes behind its links, got more`);
  }
  return nodes.at(-1);
}

function tooMuch(message: string): LimitError<LayerErrorCode> {
  return new LimitError('LAYER_LIMIT', message);
}
