// A first process that passes for ours and never gets anywhere: it says a line on its console and waits for ever, before any heartbeat. Machine code of
// x86-64, because nothing here is worth a compiler.

const line = 'caisson-init: waits for ever\n';
// Given: ELF-64, one header of one segment, loaded at 4 MiB.
const base = 0x400000;
const headerBytes = 64 + 56;

export function hangingInit(): Uint8Array {
  const code = Buffer.from(
    // write(1, line, its length); for (;;) pause();
    'b801000000bf01000000488d3514000000ba000000000f05b8220000000f05ebf7'.replace('ba00000000', `ba${length(line)}`),
    'hex',
  );
  const text = Buffer.from(line);
  // The distance from the end of the lea instruction to the text.
  code.writeInt32LE(code.length - 17, 13);
  const size = BigInt(headerBytes + code.length + text.length);
  const header = Buffer.alloc(headerBytes);
  header.write('\x7fELF\x02\x01\x01', 'latin1');
  header.writeUInt16LE(2, 16);
  header.writeUInt16LE(62, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(base + headerBytes), 24);
  header.writeBigUInt64LE(64n, 32);
  for (const [at, value] of [
    [52, 64],
    [54, 56],
    [56, 1],
    [58, 64],
  ] as const)
    header.writeUInt16LE(value, at);
  header.writeUInt32LE(1, 64);
  header.writeUInt32LE(5, 68);
  header.writeBigUInt64LE(BigInt(base), 80);
  header.writeBigUInt64LE(BigInt(base), 88);
  header.writeBigUInt64LE(size, 96);
  header.writeBigUInt64LE(size, 104);
  header.writeBigUInt64LE(4_096n, 112);
  return Buffer.concat([header, code, text]);
}

function length(text: string): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(text.length);
  return bytes.toString('hex');
}
