// The first caisson.yaml of a folder, with a word about each thing that its owner will want to change. What it says can be built at once: where
// a folder has no program yet, a small one is put beside it. Nothing that is there is written over unasked.
import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { NAME_FORM, NAME_RULE } from '@caisson/core/address';
import { PolicyError } from '@caisson/core/errors';
import { splitWords } from '@caisson/core/measured';
import { replaceFile } from '../file/index.ts';
import type { ComposeErrorCode } from './error-code.ts';
import { renderFirstFile, starterProgram } from './first-file-text.ts';
import { readForeignName } from './foreign-name.ts';

export interface FirstFileAnswers {
  readonly name: string;
  /** A command, or a container image: `docker://...`, `oci:...`, an archive. Empty: what the folder is found to have. */
  readonly runs: string;
  /** On which it serves; null: none. */
  readonly port: number | null;
}

// Chosen.
const maxPackageBytes = 1_048_576;
const programNames = ['server.mjs', 'server.js', 'index.mjs', 'index.js', 'main.mjs', 'main.js'];
const imageForm = /^((docker|registry):\/\/|(oci|oci-archive|docker-archive):)|\.tar(\.gz)?$/;
const standardPort = 8080;

/** What to offer: the folder's name where it can be one, and what lies there. */
export function suggestAnswers(folder: string): FirstFileAnswers {
  const read = readForeignName(basename(resolve(folder)));
  const found = findProgram(folder);
  return { name: 'name' in read ? read.name : 'app', runs: found ?? '', port: standardPort };
}

/** Throws PolicyError COMPOSE_FIRST where there is a caisson.yaml. Returns its path. */
export function requireNoFirstFile(folder: string): string {
  const path = join(folder, 'caisson.yaml');
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return path;
  throw refuse(path, 'not be there yet', 'a file', 'to write over it give --force');
}

/** Returns the paths that were written. Throws PolicyError COMPOSE_FIRST, Node-style errors. */
export async function writeFirstFile(folder: string, answers: FirstFileAnswers, isForced = false): Promise<string[]> {
  const { name, port } = answers;
  if (!NAME_FORM.test(name)) throw refuse('name', `be ${NAME_RULE}`, name, 'give another with --name');
  if (port !== null && !(Number.isInteger(port) && port >= 1 && port <= 65_535)) {
    throw refuse('port', 'be an integer in 1..65535', String(port), 'give another with --port, or none');
  }
  const path = isForced ? join(folder, 'caisson.yaml') : requireNoFirstFile(folder);
  const isImage = imageForm.test(answers.runs);
  const runs = isImage ? '' : answers.runs || findProgram(folder) || '';
  const needsProgram = !isImage && runs === '' && !hasMain(folder);
  const words = splitWords(needsProgram ? 'node server.mjs' : runs);
  if ('message' in words) throw refuse('command', words.message, runs);
  mkdirSync(folder, { recursive: true });
  const written = [path];
  if (needsProgram) {
    const program = join(folder, 'server.mjs');
    writeFileSync(program, starterProgram(port ?? standardPort), { flag: 'wx' });
    written.push(program);
  }
  const text = renderFirstFile({ name, port, words, source: isImage ? answers.runs : '.' });
  if (isForced) await replaceFile(path, (file) => file.writeFile(text));
  // A file that somebody else has created meanwhile stays.
  else writeFileSync(path, text, { flag: 'wx' });
  return written;
}

/** A command for what lies in `folder`; undefined where the builder finds it itself, or nothing is there. */
function findProgram(folder: string): string | undefined {
  if (hasMain(folder)) return undefined;
  const names = namesIn(folder);
  const found = programNames.find((one) => names.includes(one));
  return found === undefined ? undefined : `node ${found}`;
}

/** The builder runs the `main` of a package.json. */
function hasMain(folder: string): boolean {
  const path = join(folder, 'package.json');
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat?.isFile() !== true || stat.size > maxPackageBytes) return false;
  try {
    return typeof (JSON.parse(readFileSync(path, 'utf8')) as { main?: unknown } | null)?.main === 'string';
  } catch {
    // What is wrong with it is reported by the build.
    return false;
  }
}

function namesIn(folder: string): string[] {
  return lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() === true ? readdirSync(folder) : [];
}

function refuse(place: string, bound: string, got: string, hint?: string): PolicyError<ComposeErrorCode> {
  const message = `${place} must ${bound}, got ${got === 'a file' ? got : JSON.stringify(got)}`;
  return new PolicyError('COMPOSE_FIRST', message, hint === undefined ? {} : { hint });
}
