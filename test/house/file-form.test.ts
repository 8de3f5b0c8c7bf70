// The form of files: size, name, opening comment, nothing of one machine. Small rooms are how a reader stays sure.
import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { test } from 'node:test';
import { files, isTest, read } from './tree.ts';

const code = files(/^packages\/.*\.(ts|c|h)$/).filter((file) => !isTest(file));
const lines = (file: string): number => read(file).split('\n').length - 1;
const ledger = JSON.parse(read('test/house/size-exceptions.json')) as Record<string, string>;

test('no file is longer than 500 lines unless the ledger says why', () => {
  const long = code.filter((file) => lines(file) > 500 && ledger[file] === undefined);
  assert.deepEqual(
    long.map((file) => `${file}: ${lines(file)} lines`),
    [],
    'split it by what it is for',
  );
  const idle = Object.keys(ledger).filter((file) => !code.includes(file) || lines(file) <= 500);
  assert.deepEqual(idle, [], 'the ledger names files that need no exception');
});

test('nine in ten files have at most 250 lines and half have about 90', () => {
  const sizes = code.map(lines).sort((left, right) => left - right);
  const at = (share: number): number => sizes[Math.floor(sizes.length * share)] ?? 0;
  assert.ok(at(0.9) <= 250, `the ninth decile is ${at(0.9)} lines`);
  assert.ok(at(0.5) <= 130, `the median is ${at(0.5)} lines`);
});

test('file and folder names are kebab-case nouns or verbs and never a drawer for anything', () => {
  const wrong = files(/^(packages|scripts|test|bench|examples)\/.*\.(ts|c|h|js)$/).filter((file) => {
    const path = file.split('/');
    const drawer = path.some((part) => /^(utils?|helpers?|common|managers?|misc|shared|lib)(\.[a-z]+)?$/.test(part));
    // C keeps the kernel's habit of underscores.
    return drawer || !/^[a-z0-9]+(?:[-_.][a-z0-9]+)*\.(test\.ts|ts|c|h|js)$/.test(basename(file));
  });
  assert.deepEqual(wrong, []);
});

test('every file opens by saying what it is for', () => {
  const silent = files(/^(packages|scripts|test|bench|examples)\/.*\.(ts|c|h)$/).filter((file) => {
    const text = read(file).replace(/^#!.*\n/, '');
    return !/^(\/\/|\/\*)/.test(text);
  });
  assert.deepEqual(silent, []);
});

test('nothing speaks of one machine, and nothing is left unfinished', () => {
  const own = 'test/house/file-form.test.ts';
  const wrong = files(/\.(ts|js|c|h|md|json|ya?ml|sh|txt)$|^\.ci\//)
    .filter((file) => file !== own && file !== 'package-lock.json')
    .flatMap((file) =>
      read(file)
        .split('\n')
        .map((line, index) => ({ place: `${file}:${index + 1}`, line })),
    )
    .filter(({ line }) => /(^|[\s"'`(=])\/(work|farm)\/|\bTODO\b|\bFIXME\b|\bXXX\b/.test(line))
    .map(({ place, line }) => `${place}: ${line.trim().slice(0, 80)}`);
  assert.deepEqual(wrong, []);
});

test('no test is switched off without a printed reason, and none switches the others off', () => {
  const wrong = files(/\.test\.ts$/).filter((file) => /\b(test|it|describe)\.(skip|only|todo)\(/.test(read(file)));
  assert.deepEqual(wrong, [], 'use { skip: condition && "reason" }');
});
