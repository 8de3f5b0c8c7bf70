// NOTIFY_SOCKET of each service that says itself when it is ready: a socket of its own, its owner's alone, so that no service speaks for
// another and a helper program that has ended before its line is read (systemd-notify) still counts.
import { mkdirSync } from 'node:fs';
import type { Log } from '@caisson/core/log';
import type { DatagramListener, Kernel } from '@caisson/sys';
import type { Account } from './account.ts';
import { parseNotifyLines } from './probe/notify-line.ts';

export interface NotifyDeskOptions {
  readonly kernel: Pick<Kernel, 'listenDatagram'>;
  readonly folder: string;
  readonly log: Log;
  onReady(name: string): void;
  onStatus(name: string, text: string): void;
}

export class NotifyDesk {
  readonly #options: NotifyDeskOptions;
  readonly #open = new Map<string, DatagramListener>();

  constructor(options: NotifyDeskOptions) {
    this.#options = options;
  }

  /** Must fit into a socket's path, 107 bytes: a service name may have 63. */
  pathOf(name: string): string {
    return `${this.#options.folder}/${name}`;
  }

  /** Anew for each process: a line of the last one must not make the next one ready. Throws Node-style errors, SYS_ADDON_MISSING. */
  open(name: string, { uid, gid }: Pick<Account, 'uid' | 'gid'>): void {
    this.#open.get(name)?.close();
    // 0711: to be reached by name, not listed.
    mkdirSync(this.#options.folder, { recursive: true, mode: 0o711 });
    const listener = this.#options.kernel.listenDatagram({ path: this.pathOf(name), uid, gid }, (bytes) =>
      this.#hear(name, bytes),
    );
    this.#open.set(name, listener);
  }

  close(): void {
    for (const listener of this.#open.values()) listener.close();
    this.#open.clear();
  }

  #hear(name: string, bytes: Uint8Array): void {
    const { ready, status, ignoresMainPid } = parseNotifyLines(bytes);
    const { log, onReady, onStatus } = this.#options;
    if (ignoresMainPid) log.debug('INIT_NOTIFY_MAINPID', 'MAINPID is not taken from a service', { service: name });
    if (status !== undefined) onStatus(name, status);
    if (ready) onReady(name);
  }
}
