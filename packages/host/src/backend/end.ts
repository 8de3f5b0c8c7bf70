// How an enclave ended. It has no exit status: its code is PID 1's last line on the console (docs/pid1.md), and where nobody saw that line, it died.

export type EnclaveEnd =
  | { readonly kind: 'exited'; readonly code: number }
  /** No last line. `byHost`: this side ended it. */
  | { readonly kind: 'died'; readonly byHost: boolean };

// Given: docs/pid1.md. The serial port of a machine ends lines with CR LF.
const lastLine = /^caisson-init: exit ([0-9]{1,3})\r?$/;

// Given: kernel/reboot.c of Linux; what it says after PID 1 has had its last word, with or without its time.
const kernelLine = /^(?:\[ *[0-9]+\.[0-9]+\] )?reboot: /;

/** `text` is the console up to its end. Only the last line counts: anybody inside could have written a line of that form earlier. */
export function readEnd(text: string, byHost: boolean): EnclaveEnd {
  const last =
    text
      .trimEnd()
      .split('\n')
      .findLast((line) => !kernelLine.test(line)) ?? '';
  const code = lastLine.exec(last)?.[1];
  return code === undefined || Number(code) > 255 ? { kind: 'died', byHost } : { kind: 'exited', code: Number(code) };
}

/** `ended with 7`, `died`. */
export function describeEnd(end: EnclaveEnd): string {
  if (end.kind === 'exited') return `ended with ${end.code}`;
  return end.byHost ? 'was ended by this host' : 'died without an exit code';
}
