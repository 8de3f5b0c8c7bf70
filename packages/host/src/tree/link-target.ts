// Where a symbolic link leads inside a tree, followed as the kernel would follow it: folders on the way may be links themselves. The
// question is only whether it leaves the tree; a target that does not exist stays where it is.
import type { RootTree } from './tree.ts';

// Given: MAXSYMLINKS of Linux. A longer way is a circle, which leads nowhere.
const maxLinks = 40;

/**
 * `absolute`: whether a target that begins with `/` is inside (the tree is a root file system) or outside (it is a folder in one).
 * `folder` is the path of the link's folder, '' for the root.
 */
export function isLinkOutside(tree: RootTree, folder: string, target: string, absolute: 'inside' | 'outside'): boolean {
  const place = folder === '' ? [] : folder.split('/');
  let way = target;
  for (let links = 0; links <= maxLinks; links += 1) {
    if (way.startsWith('/')) {
      if (absolute === 'outside') return true;
      place.length = 0;
    }
    const rest = way.split('/').filter((word) => word !== '' && word !== '.');
    let next: string | undefined;
    while (rest.length > 0 && next === undefined) {
      const word = rest.shift()!;
      if (word !== '..') {
        place.push(word);
        const entry = tree.get(place.join('/'));
        if (entry?.kind === 'symlink') next = entry.target;
      } else if (place.pop() === undefined) return true;
    }
    if (next === undefined) return false;
    place.pop();
    way = [next, ...rest].join('/');
  }
  return false;
}
