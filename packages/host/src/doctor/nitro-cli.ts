// What nitro-cli says of itself and of the enclaves that run. Read loosely: a doctor that refuses an unknown member says nothing about the rest.
import * as z from 'zod';
import type { Answer, Machine } from './machine.ts';

export interface RunningNitro {
  readonly name: string;
  readonly id: string;
  readonly cid: number | undefined;
  readonly cpuIds: readonly number[];
  readonly memoryMiB: number;
  readonly isDebug: boolean;
}

export interface NitroCli {
  /** Undefined: it is there and does not say. */
  readonly version: string | undefined;
  /** Null: it did not say; `fault` has why. */
  readonly enclaves: readonly RunningNitro[] | null;
  readonly fault: string | null;
}

// Given: nitro-cli 1.5.
const described = z.array(
  z.object({
    EnclaveName: z.string().max(255).optional(),
    EnclaveID: z.string().max(255),
    EnclaveCID: z.int().optional(),
    CPUIDs: z.array(z.int().nonnegative()).max(4096).optional(),
    MemoryMiB: z.number().nonnegative().optional(),
    Flags: z.string().max(255).optional(),
  }),
);

/** Null: there is no such program in PATH. */
export async function askNitroCli(machine: Machine): Promise<NitroCli | null> {
  const said = await machine.run('nitro-cli', ['--version']);
  if (said === undefined) return null;
  const version = /(\d+\.\d+(?:\.\d+)?)/.exec(said.stdout)?.[1];
  const answer = await machine.run('nitro-cli', ['describe-enclaves']);
  if (answer?.exitCode !== 0) return { version, enclaves: null, fault: describeAnswer(answer) };
  try {
    const enclaves = described.parse(JSON.parse(answer.stdout)).map((one) => ({
      name: one.EnclaveName ?? one.EnclaveID,
      id: one.EnclaveID,
      cid: one.EnclaveCID,
      cpuIds: one.CPUIDs ?? [],
      memoryMiB: one.MemoryMiB ?? 0,
      isDebug: one.Flags === 'DEBUG_MODE',
    }));
    return { version, enclaves, fault: null };
  } catch {
    return { version, enclaves: null, fault: 'describe-enclaves printed another form than that of version 1.5' };
  }
}

/** In one line, for a person. */
export function describeAnswer(answer: Answer | undefined): string {
  if (answer === undefined) return 'there is no such program';
  if (answer.isCut) return 'it gave no answer in time';
  const [line = ''] = `${answer.stderr}\n${answer.stdout}`.split('\n').filter((one) => one.trim() !== '');
  const text = line.trim().slice(0, 160);
  return text === '' ? `it ended with ${answer.exitCode ?? 'a signal'} and no word` : text;
}
