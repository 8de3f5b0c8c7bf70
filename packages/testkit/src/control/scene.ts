// An enclave with a control port, in memory: a simulated NSM under a root of its own, operators, a server, and a policy that wants exactly that. What a
// test changes it names; the rest is as it should be.
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { toCid, toVsockPort } from '@caisson/core/address';
import { parseHex, toHex } from '@caisson/core/bytes';
import type { ImageProfile, MeasuredOperator, MeasuredOperators } from '@caisson/core/measured';
import { createNsmClient, type NsmClient } from '@caisson/core/nitro';
import { createSimulatedAuthority, createSimulatedNsm, type SimulatedAuthority } from '@caisson/host/simulator';
import {
  type ConnectControlOptions,
  type ControlAuthority,
  type ControlEvent,
  type ControlHandlers,
  type ControlIdentity,
  type ControlServer,
  type ControlServerLimits,
  type ControlSession,
  connectControl,
  createControlAuthority,
  createControlIdentity,
  type EnclaveFacts,
  type IssueDocument,
  serveControl,
} from '@caisson/link/control';
import type { Phase } from '@caisson/link/ready';
import type { Transport, TransportPeer } from '@caisson/link/transport';
import { type AttestationPolicy, checkPolicy } from '@caisson/verify/policy';
import { createWire } from './wire.ts';

type DocumentFields = Parameters<IssueDocument>[0];

export interface ControlSceneOptions extends Partial<ControlServerLimits> {
  readonly handlers?: ControlHandlers;
  /** Of the operator whom `connect` uses by default. Default `all`. */
  readonly verbs?: readonly string[];
  readonly execTemplates?: readonly (readonly string[])[];
  /** Besides him. */
  readonly operators?: readonly MeasuredOperator[];
  readonly threshold?: number;
  readonly rootKey?: string;
  readonly profile?: ImageProfile;
  /** Hex, 48 bytes. */
  readonly pcr0?: string;
  /** Default: memory, dialled by `dial`. */
  readonly transport?: Transport;
  /** Shared by scenes that one parent runs. */
  readonly ca?: SimulatedAuthority;
  /** An enclave that lies about what it was asked for: between its server and its NSM. */
  readonly issue?: (fields: DocumentFields, nsm: NsmClient) => Promise<Uint8Array>;
  /** Default: the machine's clock, unix seconds. */
  readonly now?: () => number;
}

export interface ControlScene {
  readonly server: ControlServer;
  readonly authority: ControlAuthority;
  readonly operator: ControlIdentity;
  readonly enclave: ControlIdentity;
  readonly facts: EnclaveFacts;
  readonly policy: AttestationPolicy;
  readonly ca: SimulatedAuthority;
  readonly events: ControlEvent[];
  /** Documents that the NSM was asked for. */
  readonly documents: () => number;
  phase: Phase;
  dial(): Promise<Duplex>;
  connect(options?: Partial<ConnectControlOptions>): Promise<ControlSession>;
  close(): Promise<void>;
}

let sharedCa: Promise<SimulatedAuthority> | undefined;

export async function createControlScene(options: ControlSceneOptions = {}): Promise<ControlScene> {
  const { pcr0 = 'ab'.repeat(48), profile = 'production', now = () => Date.now() / 1_000 } = options;
  sharedCa ??= createSimulatedAuthority();
  const ca = options.ca ?? (await sharedCa);
  const nsm = createNsmClient(createSimulatedNsm({ authority: ca, pcrs: { 0: pcr0 } }));
  const [operator, enclave] = [await createControlIdentity(), await createControlIdentity()];
  const { verbs = ['all'], execTemplates = [], operators = [], threshold = 1, rootKey = null } = options;
  const own = { name: 'alice', spkiSha256: operator.spkiSha256, verbs, execTemplates };
  const measured: MeasuredOperators = { v: 1, rootKey, threshold, operators: [own, ...operators] };
  const authority = createControlAuthority({ measured, pcr0: parseHex(pcr0), label: 'hello', now });
  const facts: EnclaveFacts = {
    bootId: Uint8Array.from(randomBytes(16)),
    configVersion: 7,
    configSha384: new Uint8Array(48).fill(1),
    imageVersion: 3,
    profile,
  };
  const events: ControlEvent[] = [];
  const watchers = new Set<() => void>();
  let phase: Phase = 'ready';
  let documents = 0;
  const { transport, dial } = createMemoryPort();
  const server = await serveControl({
    ...options,
    transport: options.transport ?? transport,
    identity: enclave,
    authority,
    facts,
    now,
    handlers: options.handlers ?? {},
    readiness: {
      phase: () => phase,
      watch(listener) {
        watchers.add(listener);
        return () => watchers.delete(listener);
      },
    },
    issue(fields) {
      documents += 1;
      return options.issue?.(fields, nsm) ?? nsm.attestation(fields);
    },
    onEvent: (event) => void events.push(event),
  });
  const policy = checkPolicy({
    backend: 'sim',
    pcrs: { 0: pcr0 },
    roots: [ca.rootPem],
    allowDevelopment: profile === 'development',
  });
  return {
    server,
    authority,
    operator,
    enclave,
    facts,
    policy,
    ca,
    events,
    dial,
    documents: () => documents,
    get phase() {
      return phase;
    },
    set phase(next) {
      phase = next;
      for (const watcher of [...watchers]) watcher();
    },
    connect: (changes = {}) => connectControl({ identity: operator, policy, dial, ...changes }),
    close: () => server.close(),
  };
}

/** The CID that every scene's enclave has, and its one port. */
function createMemoryPort(): { transport: Transport; dial: () => Promise<Duplex> } {
  let accept: ((socket: Socket, peer: TransportPeer) => void) | undefined;
  const transport: Transport = {
    kind: 'fabric',
    localCid: toCid(16),
    connect: () => Promise.reject(new TypeError('a scene is dialled by its dial()')),
    async listen({ port }, _options, onConnection) {
      accept = onConnection;
      return {
        port,
        async close() {
          accept = undefined;
        },
      };
    },
    planListen: async () => undefined,
    planDial: () => undefined,
  };
  return {
    transport,
    async dial() {
      if (accept === undefined) throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
      const [near, far] = createWire();
      accept(far as unknown as Socket, { cid: toCid(3), port: toVsockPort(1_024) });
      return near;
    },
  };
}

/** An entry for the list of a scene. */
export async function testOperator(
  name: string,
  verbs: readonly string[] = ['all'],
): Promise<{ readonly identity: ControlIdentity; readonly entry: MeasuredOperator }> {
  const identity = await createControlIdentity();
  return { identity, entry: { name, spkiSha256: identity.spkiSha256, verbs, execTemplates: [] } };
}

/** Hex of a made-up PCR0, for an image that is another. */
export function otherPcr0(): string {
  return toHex(Uint8Array.from(randomBytes(48)));
}
