// What a Nitro hypervisor will say an image is. PCR = SHA-384(48 zero bytes || SHA-384(data)), where data is
//   PCR0: kernel, command line, every ramdisk     PCR1: kernel, command line, the first ramdisk     PCR2: the other ramdisks
// Only section data counts, in file order. Since their concatenation is hashed, PCR0 alone does not fix where one ramdisk
// ends and the next begins: whoever pins an image pins all three (docs/wire/eif.md).
import { concatBytes } from '../bytes/index.ts';
import type { EifSectionKind } from './form.ts';

/** SHA-384, piece by piece. Node's createHash and any other implementation fit behind it. */
export interface IncrementalSha384 {
  update(bytes: Uint8Array): void;
  /** 48 bytes; called once. */
  digest(): Uint8Array | Promise<Uint8Array>;
}

/** 48 bytes each. */
export interface EifMeasurements {
  readonly pcr0: Uint8Array;
  readonly pcr1: Uint8Array;
  readonly pcr2: Uint8Array;
}

export interface EifMeter {
  /** Data of the sections in the order of the file; `ramdisk` is the ramdisk's number, from 0. */
  update(kind: EifSectionKind, ramdisk: number, bytes: Uint8Array): void;
  finish(): Promise<EifMeasurements>;
}

export function createEifMeter(createSha384: () => IncrementalSha384): EifMeter {
  const [all, boot, application] = [createSha384(), createSha384(), createSha384()];
  return {
    update(kind, ramdisk, bytes) {
      if (kind === 'metadata' || kind === 'signature') return;
      all.update(bytes);
      (kind === 'ramdisk' && ramdisk > 0 ? application : boot).update(bytes);
    },
    async finish() {
      const finish = async (hash: IncrementalSha384): Promise<Uint8Array> =>
        await extendZero(await hash.digest(), createSha384);
      return { pcr0: await finish(all), pcr1: await finish(boot), pcr2: await finish(application) };
    },
  };
}

/** WebCrypto has no incremental form: this one keeps every byte until the end, which suits images that are in memory anyway. */
export function createBufferedSha384(): IncrementalSha384 {
  const parts: Uint8Array[] = [];
  return {
    update(bytes) {
      parts.push(bytes);
    },
    async digest() {
      return new Uint8Array(await crypto.subtle.digest('SHA-384', concatBytes(...parts)));
    },
  };
}

/** What a register that was zero holds after `digest` was extended into it: `PCR8` from the SHA-384 of a certificate's DER. */
export async function extendZero(digest: Uint8Array, createSha384: () => IncrementalSha384): Promise<Uint8Array> {
  const hash = createSha384();
  hash.update(new Uint8Array(48));
  hash.update(digest);
  return await hash.digest();
}
