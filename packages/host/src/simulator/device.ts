// A Nitro Secure Module in memory, with hardware's answers byte for byte where hardware is known. Whoever holds an NsmDevice
// cannot tell it from /dev/nsm until he looks at the root of its documents.
import { type AttestationPayload, encodeAttestationPayload } from '@caisson/core/attestation';
import { signCoseSign1 } from '@caisson/core/cose';
import { CaissonError } from '@caisson/core/errors';
import {
  encodeNsmResponse,
  NSM_RANDOM_BYTES,
  type NsmErrorName,
  type NsmRequest,
  type NsmResponse,
  PCR_COUNT,
  parseNsmRequest,
  toNsmErrorName,
} from '@caisson/core/nitro';
import type { NsmDevice } from '@caisson/sys';
import type { IssuedLeaf, SimulatedAuthority } from './authority.ts';
import { bootPcrs } from './boot-pcr.ts';
import { createModuleId, parseModuleId } from './module-id.ts';
import { PcrBank } from './pcr-bank.ts';

export interface SimulatedNsmOptions {
  readonly authority: SimulatedAuthority;
  /** Hex of 48 bytes by index 0..15, locked from the start. Default: zero, but PCR4. */
  readonly pcrs?: Readonly<Record<number, string>>;
  /** Default: a fresh one of AWS's shape. */
  readonly moduleId?: string;
  /** IAM role of the parent, measured into PCR3. */
  readonly roleArn?: string;
  /** Unix milliseconds; default Date.now. */
  readonly now?: () => number;
  /** Write the payload as bf..ff, as current hardware does. Default true. */
  readonly indefinitePayloadMap?: boolean;
}

// Chosen: a document shall have an hour of its leaf ahead of it. Hardware uses a leaf for at least 6,016 of its 10,803 seconds.
const leafReserveSeconds = 3600;

/** Throws ParseError SIMULATOR_PCR for boot values that no PCR can have, SIMULATOR_MODULE_ID for an unusable id. */
export function createSimulatedNsm(options: SimulatedNsmOptions): NsmDevice {
  const moduleId = parseModuleId(options.moduleId ?? createModuleId());
  const bank = new PcrBank(bootPcrs({ pcrs: options.pcrs ?? {}, moduleId, roleArn: options.roleArn }));
  return new SimulatedNsm(options, moduleId, bank);
}

class SimulatedNsm implements NsmDevice {
  readonly #authority: SimulatedAuthority;
  readonly #moduleId: string;
  readonly #bank: PcrBank;
  readonly #now: () => number;
  readonly #indefiniteMap: boolean;
  #leaf: IssuedLeaf | undefined;
  #isClosed = false;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: SimulatedNsmOptions, moduleId: string, bank: PcrBank) {
    this.#authority = options.authority;
    this.#moduleId = moduleId;
    this.#bank = bank;
    this.#now = options.now ?? Date.now;
    this.#indefiniteMap = options.indefinitePayloadMap ?? true;
  }

  /** One at a time and in order, as the driver's mutex makes it. What is wrong with a request is answered, never thrown. */
  request(request: Uint8Array): Promise<Uint8Array> {
    if (this.#isClosed) {
      return Promise.reject(Object.assign(new Error('nsm request on a closed device'), { code: 'EBADF' }));
    }
    // A caller that reuses its buffer must not change a request that waits for its turn.
    const own = Uint8Array.from(request);
    const answered = this.#turn.then(() => this.#answer(own));
    this.#turn = answered;
    return answered;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#turn;
  }

  async #answer(request: Uint8Array): Promise<Uint8Array> {
    try {
      return encodeNsmResponse(await this.#perform(parseNsmRequest(request)));
    } catch (error) {
      return encodeNsmResponse({ type: 'Error', error: errorNameOf(error) });
    }
  }

  async #perform(request: NsmRequest): Promise<NsmResponse> {
    switch (request.type) {
      case 'DescribePCR': {
        const { value, isLocked } = this.#bank.describe(request.index);
        return { type: request.type, lock: isLocked, data: value };
      }
      case 'ExtendPCR':
        return { type: request.type, data: this.#bank.extend(request.index, request.data) };
      case 'LockPCR':
        this.#bank.lock(request.index);
        return { type: request.type };
      case 'LockPCRs':
        this.#bank.lockRange(request.range);
        return { type: request.type };
      case 'GetRandom':
        return { type: request.type, random: crypto.getRandomValues(new Uint8Array(NSM_RANDOM_BYTES)) };
      case 'DescribeNSM':
        return this.#describe();
      case 'Attestation':
        return { type: request.type, document: await this.#attest(request) };
    }
  }

  #describe(): NsmResponse {
    return {
      type: 'DescribeNSM',
      // Given: what hardware and QEMU report.
      versionMajor: 1,
      versionMinor: 0,
      versionPatch: 0,
      moduleId: this.#moduleId,
      maxPcrs: PCR_COUNT,
      lockedPcrs: [...this.#bank.locked().keys()],
      digest: 'SHA384',
    };
  }

  async #attest(request: NsmRequest & { type: 'Attestation' }): Promise<Uint8Array> {
    const timestamp = this.#now();
    const leaf = await this.#currentLeaf(timestamp / 1000);
    const payload: AttestationPayload = {
      moduleId: this.#moduleId,
      digest: 'SHA384',
      timestamp,
      pcrs: this.#bank.locked(),
      certificate: leaf.certificate,
      cabundle: leaf.cabundle,
      publicKey: request.publicKey ?? undefined,
      userData: request.userData ?? undefined,
      nonce: request.nonce ?? undefined,
    };
    return signCoseSign1(encodeAttestationPayload(payload, { indefiniteMap: this.#indefiniteMap }), leaf.key);
  }

  async #currentLeaf(at: number): Promise<IssuedLeaf> {
    const leaf = this.#leaf;
    if (leaf !== undefined && leaf.notBefore <= at && at + leafReserveSeconds <= leaf.notAfter) return leaf;
    this.#leaf = await this.#authority.issueLeaf(this.#moduleId);
    return this.#leaf;
  }
}

function errorNameOf(error: unknown): NsmErrorName {
  // The device writes into a buffer of 12,288 bytes; the only way past it is a document.
  if (error instanceof CaissonError && error.code === 'NSM_RESPONSE') return 'BufferTooSmall';
  return toNsmErrorName(error);
}
