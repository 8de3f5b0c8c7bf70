// What one boot is known by, whichever of its supervisors speaks: made by the first, found by the others.
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Log } from '@caisson/core/log';
import type { Clock } from './clock.ts';

export interface BootMark {
  /** 32 hex digits. */
  readonly bootId: string;
  /** Time of the clock at which the first supervisor began. */
  readonly startedMs: number;
}

/** `folder` is made when it is missing: tmpfs, so that it lives as long as the boot. */
export function readBootMark(folder: string, clock: Clock): BootMark {
  const path = `${folder}/boot`;
  // 0711: services reach their sockets in it by name.
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  try {
    const [, bootId, startedMs] = /^([0-9a-f]{32}) ([0-9]{1,15})\n$/.exec(readFileSync(path, 'utf8')) ?? [];
    if (bootId !== undefined) return { bootId, startedMs: Number(startedMs) };
  } catch {
    // The first one.
  }
  const mark = { bootId: randomBytes(16).toString('hex'), startedMs: clock.now() };
  writeFileSync(path, `${mark.bootId} ${mark.startedMs}\n`, { mode: 0o600 });
  return mark;
}

/** Every line with the boot it belongs to: a host that keeps lines of many boots must tell them apart. */
export function logOfBoot(log: Log, boot: string): Log {
  const at =
    (level: 'error' | 'warn' | 'info' | 'debug' | 'trace'): Log['info'] =>
    (code, message, fields) =>
      log[level](code, message, { boot, ...fields });
  return {
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    trace: at('trace'),
    child: (source) => logOfBoot(log.child(source), boot),
  };
}
