// What a service may be called. The name becomes a file name (log, FIFO, cgroup) and an entry of PID 1's table, and callers of the
// control socket send it: so it is never a path, never hidden, and never a name that the supervisor gives to processes of its own.

// Chosen: what the reference allows in a file stem, without what a path or a terminal could make something else of.
const nameForm = /^[A-Za-z0-9][A-Za-z0-9_.@+-]{0,62}$/;
const supervisorPrefix = /^(?:exec|job|process)-/;

export const SERVICE_NAME_RULE =
  '1 to 63 letters, digits and _ . @ + -, beginning with a letter or digit, and not with exec-, job- or process-';

export function isServiceName(name: string): boolean {
  return nameForm.test(name) && !name.includes('..') && !supervisorPrefix.test(name) && !name.endsWith('.service');
}
