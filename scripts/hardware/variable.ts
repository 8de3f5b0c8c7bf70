// The variables of the hardware scripts. Each has two names, CAISSON_<GROUP>_<NAME> and ARGONAUT_<GROUP>_<NAME>: whoever has a pipeline with the old
// ones changes nothing. Where both are there and differ, ours holds, and a line says so.

/** A variable's value that the script cannot take, or two that do not go together. */
export class VariableError extends Error {}

export interface Variables {
  /** Undefined where neither name is set, or both are empty. */
  text(name: string): string | undefined;
  /** As written in the environment, for messages. */
  nameOf(name: string): string;
  integer(name: string, fallback: number, least: number, most: number): number;
  /** Separated by blanks. */
  integers(name: string, fallback: readonly number[], least: number, most: number): readonly number[];
  /** `1 true yes on`, `0 false no off`. */
  flag(name: string): boolean;
  /** `15s`, `500ms`, `2m`; bare digits are seconds. */
  durationMs(name: string, fallbackMs: number, mostMs: number): number;
}

type Environment = Readonly<Record<string, string | undefined>>;

const unitMs: Readonly<Record<string, number>> = { ms: 1, '': 1_000, s: 1_000, m: 60_000, h: 3_600_000 };

/** `note` gets one line for each pair that differs, the first time it is read. */
export function readVariables(
  env: Environment,
  group: 'CI' | 'SMOKE' | 'BENCH',
  note: (line: string) => void,
): Variables {
  const noted = new Set<string>();
  const nameOf = (name: string): string => {
    const [ours, theirs] = [`CAISSON_${group}_${name}`, `ARGONAUT_${group}_${name}`];
    return !env[ours] && env[theirs] ? theirs : ours;
  };
  const text = (name: string): string | undefined => {
    const [ours, theirs] = [env[`CAISSON_${group}_${name}`], env[`ARGONAUT_${group}_${name}`]];
    if (ours && theirs && ours !== theirs && !noted.has(name)) {
      noted.add(name);
      note(`CAISSON_${group}_${name} and ARGONAUT_${group}_${name} differ; CAISSON_${group}_${name} holds`);
    }
    return ours || theirs || undefined;
  };
  const refuse = (name: string, what: string, got: string): never => {
    throw new VariableError(`${nameOf(name)} must be ${what}, got ${JSON.stringify(got)}`);
  };
  const parse = (name: string, value: string, least: number, most: number): number => {
    const number = /^[0-9]{1,9}$/.test(value) ? Number(value) : Number.NaN;
    return number >= least && number <= most ? number : refuse(name, `an integer in ${least}..${most}`, value);
  };
  return {
    text,
    nameOf,
    integer: (name, fallback, least, most) => {
      const value = text(name);
      return value === undefined ? fallback : parse(name, value, least, most);
    },
    integers: (name, fallback, least, most) => {
      const words = (text(name) ?? '').split(/\s+/).filter((word) => word !== '');
      return words.length === 0 ? fallback : words.map((word) => parse(name, word, least, most));
    },
    flag: (name) => {
      const value = text(name)?.toLowerCase();
      if (value === undefined || /^(0|false|no|off)$/.test(value)) return false;
      return /^(1|true|yes|on)$/.test(value) || refuse(name, '1 or 0', value);
    },
    durationMs: (name, fallbackMs, mostMs) => {
      const value = text(name);
      if (value === undefined) return fallbackMs;
      const [, digits, unit = ''] = /^([0-9]{1,6})(ms|s|m|h)?$/.exec(value) ?? [];
      const ms = Number(digits) * (unitMs[unit] ?? Number.NaN);
      return ms > 0 && ms <= mostMs ? ms : refuse(name, `a duration such as 15s of at most ${mostMs / 1_000}s`, value);
    },
  };
}
