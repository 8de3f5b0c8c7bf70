// Signals by name or number, as service files and control requests give them. Numbers are Linux's, the same on x86_64 and arm64.

// Given: signal(7).
const numbers: ReadonlyMap<string, number> = new Map(
  Object.entries({
    HUP: 1,
    INT: 2,
    QUIT: 3,
    ILL: 4,
    TRAP: 5,
    ABRT: 6,
    BUS: 7,
    FPE: 8,
    KILL: 9,
    USR1: 10,
    SEGV: 11,
    USR2: 12,
    PIPE: 13,
    ALRM: 14,
    TERM: 15,
    STKFLT: 16,
    CHLD: 17,
    CONT: 18,
    STOP: 19,
    TSTP: 20,
    TTIN: 21,
    TTOU: 22,
    URG: 23,
    XCPU: 24,
    XFSZ: 25,
    VTALRM: 26,
    PROF: 27,
    WINCH: 28,
    IO: 29,
    PWR: 30,
    SYS: 31,
  }),
);
export const MAX_SIGNAL = 31;

/** The number of `15`, `TERM`, `term` or `SIGTERM`; undefined for what is no signal of 1..31. */
export function signalNumber(word: string): number | undefined {
  if (/^[0-9]{1,2}$/.test(word)) {
    const number = Number(word);
    return number >= 1 && number <= MAX_SIGNAL ? number : undefined;
  }
  return numbers.get(word.toUpperCase().replace(/^SIG/, ''));
}

/** `SIGTERM` of 15; `signal 40` for one without a name. */
export function signalName(number: number): string {
  for (const [name, one] of numbers) if (one === number) return `SIG${name}`;
  return `signal ${number}`;
}
