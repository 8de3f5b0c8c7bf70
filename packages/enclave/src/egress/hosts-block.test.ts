// The managed block, byte by byte, and that doing it twice changes nothing whatever stood there before.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { renderHosts } from './index.ts';

const one = [{ address: '127.0.0.64', host: 'sui.io' }];
const block = '# argonaut begin\n127.0.0.64   sui.io\n# argonaut end\n';

test('appends the block after exactly one empty line and keeps what was there', () => {
  for (const before of ['10.0.0.2   internal', '10.0.0.2   internal\n', '10.0.0.2   internal\n\n\n']) {
    assert.equal(renderHosts(before, one), `10.0.0.2   internal\n\n${block}`);
  }
});

test('gives an empty file its localhost first, and one of blanks too', () => {
  for (const before of ['', '\n\n', ' \t\n'])
    assert.equal(renderHosts(before, one), `127.0.0.1   localhost\n\n${block}`);
});

test('writes three spaces in every entry, in order, and an empty block for no endpoint', () => {
  const two = [...one, { address: '127.9.9.9', host: 'walrus.io' }];
  assert.equal(
    renderHosts('a\n', two),
    'a\n\n# argonaut begin\n127.0.0.64   sui.io\n127.9.9.9   walrus.io\n# argonaut end\n',
  );
  assert.equal(renderHosts('a\n', []), 'a\n\n# argonaut begin\n# argonaut end\n');
});

test('replaces an old block with its trailing newlines and keeps what follows it', () => {
  const old = '# argonaut begin\n127.0.0.64   old.example\n# argonaut end\n';
  assert.equal(renderHosts(`a\n\n${old}`, one), `a\n\n${block}`);
  assert.equal(renderHosts(`a\n\n${old}\r\n\nb\n`, one), `a\n\nb\n\n${block}`);
  assert.equal(renderHosts(`${old}b\n`, one), `b\n\n${block}`);
});

test('drops the rest of the file from a begin marker that has no end', () => {
  assert.equal(renderHosts('a\n# argonaut begin\n1.2.3.4   x\nb\n', one), `a\n\n${block}`);
  assert.equal(renderHosts('# argonaut begin', one), `127.0.0.1   localhost\n\n${block}`);
});

test('replaces every old block when a file has come to hold several', () => {
  assert.equal(renderHosts(`a\n\n${block}x\n${block}`, one), `a\n\nx\n\n${block}`);
});

test('changes nothing when it is done a second time, for any file', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '\n',
      '\r\n',
      '# argonaut begin',
      '# argonaut end',
      block,
      '# argo',
      'naut begin',
      '127.0.0.1   localhost',
      ' ',
    ),
    fc.string({ maxLength: 8 }),
  );
  const entry = fc.record({
    address: fc.constantFrom('127.0.0.64', '127.1.2.3'),
    host: fc.constantFrom('a.io', 'b.io'),
  });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), fc.array(entry, { maxLength: 3 }), (pieces, entries) => {
      const once = renderHosts(pieces.join(''), entries);
      assert.equal(renderHosts(once, entries), once);
      assert.match(once, /[^\n]\n\n# argonaut begin\n(?:127[^\n]*\n)*# argonaut end\n$/);
      assert.equal(once.split('# argonaut begin').length, 2);
    }),
    { seed: 1, numRuns: 5000 },
  );
});
