// init.yaml, as the users of the reference have it, into the measured file of an image. Keys that say what is fixed here are taken when
// they say just that, and refused with the reason when they ask for something else (docs/service.md has the table).
import {
  DEFAULT_INIT,
  environmentNameForm,
  INIT_LIMITS,
  MAX_SOCKET_PATH_CHARACTERS,
  type MeasuredInit,
  plainPathForm,
  writeMeasuredInit,
} from '@caisson/core/measured';
import { isMapValue, parseLocatedYaml } from '../located-yaml/index.ts';
import { refuseFaults, type ServiceFault } from './fault.ts';
import { nearestWord } from './nearest-word.ts';

// Chosen.
const maxInitFileCharacters = 64 << 10;

export interface CompiledInit {
  readonly measured: MeasuredInit;
  /** /etc/caisson/init.json. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** `service_dir`, for compileServices; null: the usual folders only. */
  readonly serviceFolder: string | null;
  readonly warnings: readonly ServiceFault[];
}

interface Draft {
  measured: { -readonly [Key in keyof MeasuredInit]: MeasuredInit[Key] };
  serviceFolder: string | null;
  socketEnabled: boolean;
  socketPath: string;
}
/** Takes the value, or says what it must be. */
type Rule = (draft: Draft, value: unknown) => string | undefined;

const onlyChannel =
  'control from outside goes through the control channel, with operators by key (docs/wire/init-control.md)';

/** Only `expected`: everything else asks for what cannot be had. */
const fixed =
  (expected: unknown, reason: string): Rule =>
  (_draft, value) =>
    value === expected ? undefined : `${JSON.stringify(expected)}: ${reason}`;

const rules: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['service_dir', (draft, value) => path(value, (text) => (draft.serviceFolder = text))],
  ['log_dir', (draft, value) => path(value, (text) => (draft.measured.logDir = text))],
  [
    'max_log_size',
    (draft, value) => {
      const { leastLogBytes, mostLogBytes } = INIT_LIMITS;
      return integer(value, leastLogBytes, mostLogBytes, (number) => (draft.measured.maxLogBytes = number));
    },
  ],
  [
    'max_log_files',
    (draft, value) => integer(value, 1, INIT_LIMITS.mostLogFiles, (number) => (draft.measured.maxLogFiles = number)),
  ],
  ['environment', readEnvironment],
  ['control.unix_socket_enabled', (draft, value) => flag(value, (on) => (draft.socketEnabled = on))],
  ['control.unix_socket_path', readSocketPath],
  ['socket_path', readSocketPath],
  ['control.vsock_enabled', fixed(false, onlyChannel)],
  ['control.vsock_cid', idle],
  ['control.vsock_port', idle],
  ['vsock.enabled', fixed(true, 'PID 1 always tells the parent that it has booted')],
  ['vsock.cid', fixed(3, 'the parent is CID 3')],
  ['vsock.port', fixed(9000, 'the port of the heartbeat belongs to the parent')],
  [
    'nsm_driver_path',
    (_draft, value) => (value === 'nsm.ko' || value === null ? undefined : 'nsm.ko: it comes with the kernel'),
  ],
  ['pivot_root', fixed(true, 'an enclave always leaves its boot ramdisk')],
  ['pivot_root_dir', fixed('/rootfs', 'the layout of an image is fixed')],
]);
const groups = ['control', 'vsock'];

/** `file` names the text in messages. Throws ServiceFaultError SERVICE_FAULTS with every fault. */
export function compileInit(text: string, file = 'init.yaml'): CompiledInit {
  const yaml = parseLocatedYaml(text, { what: 'init.yaml', maxCharacters: maxInitFileCharacters });
  const faults: ServiceFault[] = yaml.faults.map((fault) => ({ level: 'fault', file, ...fault }));
  refuseFaults(faults);
  const draft: Draft = {
    measured: { ...DEFAULT_INIT },
    serviceFolder: null,
    socketEnabled: true,
    socketPath: DEFAULT_INIT.controlSocket ?? '',
  };
  const fail = (path: readonly string[], message: string, level: ServiceFault['level'] = 'fault'): void =>
    void faults.push({ level, file, ...yaml.faultAt(path, message) });
  if (isMapValue(yaml.value)) take(yaml.value, []);
  else if (yaml.value !== null) fail([], 'init.yaml must be a map of keys');
  refuseFaults(faults);
  const controlSocket = draft.socketEnabled ? draft.socketPath : null;
  const measured: MeasuredInit = { ...draft.measured, controlSocket };
  return { measured, bytes: writeMeasuredInit(measured), serviceFolder: draft.serviceFolder, warnings: faults };

  function take(members: Readonly<Record<string, unknown>>, group: readonly string[]): void {
    for (const [key, value] of Object.entries(members)) {
      const path = [...group, key];
      const name = path.join('.');
      const rule = rules.get(name);
      if (rule === undefined && groups.includes(name) && isMapValue(value)) {
        take(value, path);
      } else if (rule === undefined) {
        const nearest = nearestWord(name, [...rules.keys(), ...groups]);
        fail(path, `unknown key ${name}${nearest === undefined ? '' : ` (did you mean ${nearest}?)`}`);
      } else {
        const problem = rule(draft, value);
        if (problem === idleWord) fail(path, `${name} has no effect: ${onlyChannel}`, 'warning');
        else if (problem !== undefined) fail(path, `${name} must be ${problem}, got ${describe(value)}`);
      }
    }
  }
}

const idleWord = 'idle';
function idle(_draft: Draft, _value: unknown): string {
  return idleWord;
}

function readEnvironment(draft: Draft, value: unknown): string | undefined {
  const entries = isMapValue(value) ? Object.entries(value) : undefined;
  if (value !== null && entries === undefined) return 'a map of variables';
  const { variables } = INIT_LIMITS;
  if ((entries?.length ?? 0) > variables) return `a map of at most ${variables} variables`;
  const bad = entries?.find(([name, text]) => !environmentNameForm.test(name) || /object|undefined/.test(typeof text));
  if (bad !== undefined) return `a map of variables, each a name and a text; ${JSON.stringify(bad[0])} is none`;
  draft.measured.environment = Object.fromEntries((entries ?? []).map(([name, text]) => [name, String(text)]));
  return undefined;
}

function readSocketPath(draft: Draft, value: unknown): string | undefined {
  if (typeof value === 'string' && value.length > MAX_SOCKET_PATH_CHARACTERS) {
    return `a path of at most ${MAX_SOCKET_PATH_CHARACTERS} characters`;
  }
  return path(value, (text) => (draft.socketPath = text));
}

function path(value: unknown, keep: (text: string) => void): string | undefined {
  const isPath = typeof value === 'string' && plainPathForm.test(value) && value.length <= INIT_LIMITS.pathCharacters;
  if (!isPath) return 'an absolute path without . and ..';
  keep(value);
  return undefined;
}

function integer(value: unknown, least: number, most: number, keep: (value: number) => void): string | undefined {
  if (!Number.isSafeInteger(value) || (value as number) < least || (value as number) > most) {
    return `an integer in ${least}..${most}`;
  }
  keep(value as number);
  return undefined;
}

function flag(value: unknown, keep: (value: boolean) => void): string | undefined {
  if (typeof value !== 'boolean') return 'true or false';
  keep(value);
  return undefined;
}

function describe(value: unknown): string {
  const text = typeof value === 'object' && value !== null ? 'a map or a list' : String(JSON.stringify(value));
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}
