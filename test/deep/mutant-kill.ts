// A copy of the packages in which one file at a time is changed, and the question whether the verifier's tests notice. The tree
// itself is never touched: what a mutation run leaves behind when it is cut is a folder of the system's temporary ones.
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Mutant } from './mutate.ts';

const root = join(import.meta.dirname, '../..');
// Chosen: ten times what a stage takes beside another one; a mutant that runs on is one that was noticed.
const maxStageMs = 120_000;

// Each stage is one process; the next one is for what the one before let live. The first is that of the room where the mutant is.
const rooms: Readonly<Record<string, readonly string[]>> = {
  'packages/verify/src/policy': ['policy/policy', 'verify-attestation'].map(ofVerify),
  'packages/verify/src': ['verify-document', 'verify-attestation', 'debug-enclave'].map(ofVerify),
  'packages/core/src/x509': ['x509/x509', 'x509/verify-path', 'attestation/parse-certificate'].map(ofCore),
  'packages/core/src/attestation': ['attestation/attestation', 'attestation/parse-certificate'].map(ofCore),
  'packages/core/src/cose': ['cose/cose'].map(ofCore),
};
const everyStage: readonly (readonly string[])[] = [
  ['vector', 'verify-document', 'verify-attestation', 'debug-enclave', 'attest', 'policy/policy'].map(ofVerify),
  [
    ...['x509/x509', 'x509/verify-path', 'attestation/attestation', 'attestation/vector'].map(ofCore),
    ...['attestation/parse-certificate', 'cose/cose'].map(ofCore),
    ofVerify('chain-attack'),
  ],
  ['byte-fuzz', 'signature-edge', 'mutant'].map(ofVerify),
];

function ofVerify(name: string): string {
  return `packages/verify/src/${name}.test.ts`;
}

function ofCore(name: string): string {
  return `packages/core/src/${name}.test.ts`;
}

export interface Copy {
  /** The test, or the end of the process, that noticed; undefined when the mutant lives. */
  kill(mutant: Mutant): Promise<string | undefined>;
  /** What the tests say of the sources as they are: a copy in which they fail would kill every mutant. */
  verifySound(): Promise<void>;
  remove(): void;
}

export function createCopy(): Copy {
  const base = mkdtempSync(join(tmpdir(), 'caisson-mutant-'));
  const folder = join(base, 'checkout');
  for (const name of readdirSync(join(root, 'packages'))) {
    for (const part of ['src', 'package.json']) {
      cpSync(join(root, 'packages', name, part), join(folder, 'packages', name, part), { recursive: true });
    }
  }
  mkdirSync(join(folder, 'node_modules'));
  for (const name of readdirSync(join(root, 'node_modules'))) {
    const from = join(root, 'node_modules', name);
    // Links of a workspace are relative and so lead to the copy's own packages; all others are read only.
    if (name === '@caisson')
      cpSync(from, join(folder, 'node_modules', name), { recursive: true, verbatimSymlinks: true });
    else symlinkSync(from, join(folder, 'node_modules', name));
  }
  symlinkSync(join(root, 'docs'), join(folder, 'docs'));
  symlinkSync(join(root, '../shared'), join(base, 'shared'));
  writeFileSync(join(folder, 'package.json'), readFileSync(join(root, 'package.json')));
  mkdirSync(join(folder, 'test'));
  writeFileSync(join(folder, 'test/lanes.json'), shortLanes());

  const outcome = async (first: readonly string[]): Promise<string | undefined> => {
    for (const files of [first, ...everyStage]) {
      const end = await runTests(folder, files);
      if (end !== undefined) return end;
    }
    return undefined;
  };
  return {
    async kill({ file, text }) {
      const place = join(folder, file);
      const sound = readFileSync(place);
      writeFileSync(place, text);
      try {
        return await outcome(rooms[dirname(file)]!);
      } finally {
        writeFileSync(place, sound);
      }
    },
    async verifySound() {
      const end = await outcome(Object.values(rooms).flat());
      if (end !== undefined) throw new Error(`tests must hold on the sources as they are, got ${end}`);
    },
    remove: () => rmSync(base, { recursive: true, force: true }),
  };
}

// A mutant is seen by the named cases; long fuzz runs would only make each that lives cost more.
function shortLanes(): string {
  const lanes = JSON.parse(readFileSync(join(root, 'test/lanes.json'), 'utf8'));
  for (const [row, fast] of [
    ['T-V2', 300],
    ['T-V4', 100],
  ] as const)
    lanes[row].fast = fast;
  return JSON.stringify(lanes);
}

function runTests(folder: string, files: readonly string[]): Promise<string | undefined> {
  const words = [
    '--conditions=caisson-source',
    '--max-old-space-size=1024',
    join(import.meta.dirname, 'mutant-run.ts'),
  ];
  const env = {
    ...process.env,
    CAISSON_LANE: 'fast',
    NODE_TEST_CONTEXT: undefined,
    // Coverage of the run that asks would make each answer three times as slow.
    NODE_V8_COVERAGE: undefined,
    NODE_COMPILE_CACHE: join(folder, 'cache'),
  };
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...words, ...files], {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: maxStageMs,
      killSignal: 'SIGKILL',
    });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4096);
    });
    child.on('error', reject);
    child.on('close', (status, signal) => {
      if (status === 0) resolve(undefined);
      else resolve(/failed: .*/.exec(said)?.[0] ?? `ended with ${signal ?? status}`);
    });
  });
}
