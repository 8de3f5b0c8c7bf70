// The words that start a shim: known before any command is, so that neither the tree of commands nor what a shim is made of is loaded to know them.

export interface ShimFlags {
  readonly tell?: string;
  readonly end?: true;
}

/** The words after `shim`, as `startShim` gives them; undefined for any others. */
export function parseShimWords([name, ...words]: readonly string[]): [name: string, flags: ShimFlags] | undefined {
  const [option, tell, end, ...rest] = words;
  if (name === undefined || name.startsWith('-') || rest.length > 0) return undefined;
  if (option !== '--tell' || tell === undefined || (end !== undefined && end !== '--end')) return undefined;
  return [name, { tell, ...(end === undefined ? {} : { end: true }) }];
}
