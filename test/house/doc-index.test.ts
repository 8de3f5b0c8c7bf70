// docs/README.md is the one list of pages and ARCHITECTURE.md the one list of rooms. A page that is not listed is not found, and a link that
// leads nowhere is a broken promise.
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { files, read, root } from './tree.ts';

const pages = files(/\.md$/);

test('every page of docs is in its index', () => {
  const index = read('docs/README.md');
  const missing = pages
    .filter((path) => /^docs\/(wire\/)?[^/]+\.md$/.test(path) && path !== 'docs/README.md')
    .filter((path) => !index.includes(`](${path.replace('docs/', '')})`));
  assert.deepEqual(missing, []);
});

test('every link from a page to a file of the tree leads to one', () => {
  const broken = pages.flatMap((path) => {
    const text = read(path).replace(/^```.*?^```/gms, '');
    return [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !/^[a-z]+:/.test(target) && !existsSync(join(root, dirname(path), target)))
      .map((target) => `${path}: ${target}`);
  });
  assert.deepEqual(broken, []);
});

test('the map names every room of a package, and none that is not there', () => {
  const map = read('ARCHITECTURE.md');
  const sections = [...map.matchAll(/^### (\w+)\n(.*?)(?=^##)/gms)];
  assert.deepEqual(
    sections.map(([, name]) => name),
    ['core', 'verify', 'sys', 'link', 'enclave', 'host'],
  );
  for (const [, name = '', text = ''] of sections) {
    const cells = [...text.matchAll(/^\| ([^|]*`[^|]*) \|/gm)].map(([, cell = '']) => cell);
    const named = cells.flatMap((cell) => [...cell.matchAll(/`([a-z0-9-]+)`/g)].map(([, room = '']) => room));
    const source = join(root, 'packages', name, 'src');
    const rooms = readdirSync(source, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const missing = rooms.map((room) => room.name).filter((room) => !named.includes(room));
    assert.deepEqual(missing, [], `rooms of ${name} that ARCHITECTURE.md does not name`);
    const gone = named.filter(
      (room) => ![source, join(root, 'packages', name)].some((at) => existsSync(join(at, room))),
    );
    assert.deepEqual(gone, [], `rooms of ${name} that only ARCHITECTURE.md has`);
  }
});

// Pages of specifications and projects that the code cites, and names with a date in them.
const elsewhere =
  /^(image-layout|image-index|manifest|config|descriptor|media-types|layer|protocol)\.md$|^docs\/(attestation_process|vsock)\.md$|DATE\.md$/;

test('every page that a comment or a message names is there', () => {
  const gone = files(/^(packages|scripts|test|bench|examples)\/.*\.(ts|js|c|h|sh|ya?ml)$/)
    .filter((file) => file !== 'test/house/doc-index.test.ts' && !/\.test\.ts$/.test(file))
    .flatMap((file) =>
      [...read(file).matchAll(/(?<![\w./$}-])((?:docs|bench|examples|test|packages)\/[\w./-]+\.md|[\w-]+\.md)\b/g)]
        .map(([, page = '']) => page)
        .filter(
          (page) =>
            !elsewhere.test(page) && !existsSync(join(root, page)) && !existsSync(join(root, dirname(file), page)),
        )
        .map((page) => `${file}: ${page}`),
    );
  assert.deepEqual(gone, []);
});
