// What a start has made, undone in reverse: when a later step fails, or at the end of the enclave. Once, whoever asks.

/** What `start` made is undone when it fails; when it does not, its result has the undoing. */
export async function withUndo<Result>(start: (undo: Undo) => Promise<Result>): Promise<Result> {
  const undo = new Undo();
  try {
    return await start(undo);
  } catch (error) {
    await undo.run();
    throw error;
  }
}

export class Undo {
  readonly #steps: (() => unknown)[] = [];
  #done: Promise<void> | undefined;

  add(step: () => unknown): void {
    this.#steps.push(step);
  }

  /** A step that fails does not keep the others from being undone. Never rejects. */
  run(): Promise<void> {
    this.#done ??= (async () => {
      for (const step of this.#steps.reverse()) {
        try {
          await step();
        } catch {
          // What could not be removed is removed by the next start.
        }
      }
    })();
    return this.#done;
  }
}
