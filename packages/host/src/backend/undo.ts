// What a start has made, undone in reverse: when a later step fails, or at the end of the enclave. Once, whoever asks.

/** Runs `start`. If it fails, what it made is undone; otherwise its result is responsible for that. */
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

  /** Undoes every step, even if one of them fails. Never rejects. */
  run(): Promise<void> {
    this.#done ??= (async () => {
      for (const step of this.#steps.reverse()) {
        try {
          await step();
        } catch {
          // The next start removes what could not be removed here.
        }
      }
    })();
    return this.#done;
  }
}
