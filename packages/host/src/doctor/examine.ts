// The examination: every check that applies, and what it comes to for each backend. A backend that nobody asked for, on a machine that has another,
// is one note and not ten failures.
import { CaissonError } from '@caisson/core/errors';
import type { BackendKind } from '../backend/index.ts';
import { nearestWord } from '../service/index.ts';
import type { Check, Finding, Look } from './check.ts';
import { CHECKS } from './checks.ts';
import type { DoctorErrorCode } from './error-code.ts';
import type { Ground } from './ground.ts';

export interface ExamineOptions {
  /** Ids of checks; default: all that apply. */
  readonly only?: readonly string[];
}

export interface Verdict {
  readonly backend: BackendKind;
  /** Null: it was not looked at. */
  readonly canRun: boolean | null;
  /** Why it cannot run, in the words of the findings. */
  readonly because: readonly string[];
}

export interface Examination {
  readonly findings: readonly Finding[];
  readonly verdicts: readonly Verdict[];
  /** The asked backend can run; without one, any. With `only`: nothing failed. */
  readonly isFit: boolean;
}

const backends: readonly BackendKind[] = ['sim', 'qemu', 'nitro'];

/** Throws CaissonError DOCTOR_CHECK for an id that no check has. */
export async function examine(ground: Ground, { only }: ExamineOptions = {}): Promise<Examination> {
  const chosen = only === undefined ? CHECKS : only.map(findCheck);
  const isShort = only === undefined && !ground.isParent && ground.backend !== 'nitro';
  const asked = chosen.filter(({ id, group }) => {
    if (only !== undefined) return true;
    if (group === 'nitro' && isShort) return false;
    return group !== 'file' || (ground.file !== null && (id === 'file' || ground.fileFault === null));
  });
  const looked = await Promise.all(asked.map(async (check) => ({ check, looks: await lookBy(check, ground) })));
  const verdicts = backends.map((backend): Verdict => {
    if (only !== undefined) return { backend, canRun: null, because: [] };
    if (backend === 'nitro' && isShort)
      return { backend, canRun: false, because: ['this machine is no parent of Nitro enclaves'] };
    const because = looked
      .filter(({ check }) => check.prevents.includes(backend))
      .flatMap(({ looks }) => looks.filter(({ level }) => level === 'fail').map(({ found }) => found));
    return { backend, canRun: because.length === 0, because };
  });
  const others = verdicts.filter(({ canRun }) => canRun === true).length > 0;
  const findings = looked.flatMap(({ check, looks }) =>
    looks.map((look) => findingOf(check, soften(check, look, ground, others))),
  );
  const canAny = verdicts.some(({ backend, canRun }) => canRun === true && (ground.backend ?? backend) === backend);
  const isFit = only === undefined ? canAny : findings.every(({ level }) => level !== 'fail');
  return { findings, verdicts, isFit };
}

/** An unexpected error in one check must not silence the others. */
async function lookBy(check: Check, ground: Ground): Promise<readonly Look[]> {
  try {
    return listOf(await check.look(ground));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [
      {
        level: 'warn',
        found: `it could not be looked at: ${why}`,
        command: `caisson doctor --json --only ${check.id}`,
      },
    ];
  }
}

/** A failure of a backend that nobody asked for is a note where another backend can run. */
function soften({ group, prevents }: Check, look: Look, { backend, isParent }: Ground, hasAnother: boolean): Look {
  const [own, ...more] = prevents;
  const isOfOne = own !== undefined && more.length === 0;
  const isMeant = own === backend || (backend === undefined && own === 'nitro' && isParent);
  if (look.level !== 'fail' || !isOfOne || isMeant || !hasAnother) return look;
  return group === 'machine' || group === own ? { ...look, level: 'note' } : look;
}

function findCheck(id: string): Check {
  const found = CHECKS.find((one) => one.id === id);
  if (found !== undefined) return found;
  const known = CHECKS.map((one) => one.id);
  const nearest = nearestWord(id, known);
  throw new CaissonError<DoctorErrorCode>(
    'DOCTOR_CHECK',
    `check must be one of ${known.join(', ')}, got ${JSON.stringify(id)}`,
    {
      hint: nearest === undefined ? 'docs/doctor.md says what each looks at' : `did you mean ${nearest}?`,
    },
  );
}

function findingOf({ id, group, matters }: Check, look: Look): Finding {
  return { id, group, matters, ...look };
}

function listOf(look: Look | readonly Look[]): readonly Look[] {
  return Array.isArray(look) ? (look as readonly Look[]) : [look as Look];
}
