// What follows FROM, carried out instruction by instruction: files become layers over the base, everything else changes what the image says of
// itself. Each instruction sees the variables and the tree that those before it have left.
import { posix } from 'node:path';
import { type LayerEntry, type MergeOptions, mergeLayers, type OpenedSource, type RootTree } from '../tree/index.ts';
import { planCopy } from './copy.ts';
import { copyOrder } from './copy-order.ts';
import type { Instruction } from './parse.ts';
import { applySetting, declareArg, type State, stateOf } from './setting.ts';
import { expandText, type WordRules } from './words.ts';

export interface StageOptions {
  readonly context: RootTree;
  readonly escapeChar: WordRules['escapeChar'];
  /** Values of ARG from outside. */
  readonly given: ReadonlyMap<string, string>;
  /** What ARG declares without being asked: the platform. */
  readonly automatic: ReadonlyMap<string, string>;
  /** ARGs from before FROM; an ARG of the stage takes their values by name. */
  readonly globals: ReadonlyMap<string, string>;
  readonly limits: MergeOptions;
}

export class Stage {
  readonly state: State;
  tree: RootTree;
  readonly #options: StageOptions;
  readonly #args = new Map<string, string>();
  readonly #layers: { readonly origin: string; readonly entries: LayerEntry[] }[];

  /** `base` undefined: FROM scratch. */
  constructor(base: OpenedSource | undefined, options: StageOptions) {
    this.#options = options;
    this.state = stateOf(base?.config ?? null);
    this.tree = base?.tree ?? new Map();
    this.#layers = [{ origin: 'base', entries: entriesOf(base?.tree) }];
  }

  async carryOut(one: Instruction): Promise<void> {
    const { escapeChar, given, automatic, globals, context } = this.#options;
    const { state } = this;
    const words: WordRules = {
      ...rulesOf(one, escapeChar, this.#args, automatic),
      lookUp: (name) => state.env.get(name) ?? this.#args.get(name),
    };
    switch (one.keyword) {
      case 'ARG':
        return declareArg(one, this.#args, given, words, new Map([...automatic, ...globals]));
      case 'COPY':
      case 'ADD': {
        const entries = planCopy(copyOrder(one, words, state), context, this.tree);
        return await this.#addLayer(`folder (Dockerfile line ${one.line})`, entries);
      }
      case 'WORKDIR':
        state.workingDir = posix.resolve(state.workingDir, expandText(one.text, words));
        return await this.#makeFolder(state.workingDir.slice(1), one.line);
      default:
        return applySetting(one, words, state);
    }
  }

  async #makeFolder(path: string, line: number): Promise<void> {
    if (path === '' || this.tree.has(path)) return;
    const place = `Dockerfile line ${line}`;
    await this.#addLayer(place, [{ path, kind: 'directory', mode: 0o755, uid: 0, gid: 0, place }]);
  }

  async #addLayer(origin: string, entries: LayerEntry[]): Promise<void> {
    this.#layers.push({ origin, entries });
    ({ tree: this.tree } = await mergeLayers(this.#layers, this.#options.limits));
  }
}

export function rulesOf(
  { line }: Instruction,
  escapeChar: WordRules['escapeChar'],
  values: ReadonlyMap<string, string>,
  automatic: ReadonlyMap<string, string>,
): WordRules {
  return { line, escapeChar, lookUp: (name) => values.get(name) ?? automatic.get(name) };
}

function entriesOf(tree: RootTree | undefined): LayerEntry[] {
  return [...(tree ?? [])].map(([path, { origin: _, ...entry }]): LayerEntry => ({ ...entry, path, place: path }));
}
