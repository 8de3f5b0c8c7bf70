// What enclaves of a state folder have left on this machine: processes, mounts and files, but for what outlives every enclave.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

// Chosen: a shim that has told its end is still ending.
const patienceMs = 60_000;

/** Empty as soon as nothing is left; else what is after some seconds. */
export async function leftOf(state: string): Promise<string[]> {
  for (const untilMs = performance.now() + patienceMs; ; await pause(50)) {
    const left = tracesOf(state);
    if (left.length === 0 || performance.now() > untilMs) return left;
  }
}

function tracesOf(state: string): string[] {
  const kept =
    /^(version|cids|told-[a-z]+|sim-authority(\/.*)?|built(\/.*)?|sim-measured(\/.*)?|run(\/fabric(\/3)?)?|enclaves)$/;
  const files = readdirSync(state, { recursive: true, encoding: 'utf8' }).filter((name) => !kept.test(name));
  const mounts = readFileSync('/proc/self/mountinfo', 'latin1')
    .split('\n')
    .filter((line) => line.includes(state));
  return [...files, ...mounts, ...processesOf(state)];
}

/** By the variable that names the folder; those in an enclave's own namespaces are children of one that has it. */
function processesOf(state: string): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    const isOurs = /^[0-9]+$/.test(pid) && readText(`/proc/${pid}/environ`).includes(`CAISSON_STATE=${state}\0`);
    return isOurs ? [`process ${pid} ${readText(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}`] : [];
  });
}

export function childrenOf(pid: number): readonly { readonly pid: number; readonly command: string }[] {
  return readText(`/proc/${pid}/task/${pid}/children`)
    .split(' ')
    .filter((one) => one !== '')
    .map((one) => ({ pid: Number(one), command: readText(`/proc/${one}/cmdline`) }));
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
