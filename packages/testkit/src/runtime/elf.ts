// Small ELF files that ask for a loader and libraries and can do nothing.

export interface ElfWish {
  readonly machine?: number;
  readonly loader?: string | null;
  readonly libraries?: readonly string[];
}

/** One loaded segment, with PT_INTERP and PT_DYNAMIC where they are wished for. */
export function createElf({ machine = 62, loader = null, libraries = [] }: ElfWish): Buffer {
  const isDynamic = libraries.length > 0;
  const segments = 1 + (loader === null ? 0 : 1) + (isDynamic ? 1 : 0);
  const interpAt = 64 + segments * 56;
  const interp = Buffer.from(loader === null ? '' : `${loader}\0`);
  const namesAt = interpAt + interp.length;
  const names = Buffer.from(`\0${libraries.map((name) => `${name}\0`).join('')}`);
  const dynamicAt = namesAt + names.length;
  let at = 1;
  const tags: [number, number][] = libraries.map((name) => {
    const tag: [number, number] = [1, at];
    at += name.length + 1;
    return tag;
  });
  if (isDynamic) tags.push([5, 0x400000 + namesAt], [10, names.length], [0, 0]);
  const size = dynamicAt + tags.length * 16;
  const elf = Buffer.alloc(size);
  elf.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  elf.writeUInt16LE(machine, 18);
  elf.writeBigUInt64LE(64n, 32);
  elf.writeUInt16LE(56, 54);
  elf.writeUInt16LE(segments, 56);
  let segment = 64;
  const add = (type: number, offset: number, bytes: number): void => {
    elf.writeUInt32LE(type, segment);
    elf.writeBigUInt64LE(BigInt(offset), segment + 8);
    elf.writeBigUInt64LE(BigInt(0x400000 + offset), segment + 16);
    elf.writeBigUInt64LE(BigInt(bytes), segment + 32);
    segment += 56;
  };
  add(1, 0, size);
  if (loader !== null) add(3, interpAt, interp.length);
  if (isDynamic) add(2, dynamicAt, tags.length * 16);
  elf.set(interp, interpAt);
  elf.set(names, namesAt);
  tags.forEach(([tag, value], index) => {
    elf.writeBigUInt64LE(BigInt(tag), dynamicAt + index * 16);
    elf.writeBigUInt64LE(BigInt(value), dynamicAt + index * 16 + 8);
  });
  return elf;
}
