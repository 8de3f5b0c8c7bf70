// `inspect`: everything that this host knows of one enclave. None of it is a proof.
import { existsSync, statSync } from 'node:fs';
import { hostPort, toCid } from '@caisson/core/address';
import { hintOfError } from '../explain/index.ts';
import { hasOwnPolicy, ownPolicyPath } from '../operator/index.ts';
import { enclaveFolder, findRecord } from '../record/index.ts';
import type { InspectCommand } from './command.ts';
import type { EngineContext } from './context.ts';
import { ingressText } from './resolve-spec.ts';
import type { InspectResult } from './result.ts';

// Given: docs/wire/addresses.md, the n-th egress endpoint.
const firstEgress = 16;

/** Throws CaissonError RECORD_UNKNOWN, ParseError RECORD_NAME. */
export async function inspect({ name }: InspectCommand, { state, env }: EngineContext): Promise<InspectResult> {
  const { spec, state: last, fault } = await findRecord(state, name);
  const stat = spec === undefined ? undefined : statSync(spec.image, { throwIfNoEntry: false });
  const cid = last?.cid ?? null;
  const path = ownPolicyPath(env, name);
  return {
    name,
    spec: spec ?? null,
    state: last ?? null,
    folder: enclaveFolder(state, name).path,
    image: spec === undefined ? null : { path: spec.image, present: stat !== undefined, bytes: stat?.size ?? null },
    policyFile: (await hasOwnPolicy(env, name)) && existsSync(path) ? path : null,
    ingress: spec?.ingress.map(ingressText) ?? [],
    egress: [
      ...(spec?.egress.map(({ host, port }, index) => ({
        destination: `${host}:${port}`,
        hostPort: cid === null ? null : hostPort(toCid(cid), firstEgress + index),
      })) ?? []),
      ...(spec?.endpoints?.map(({ host, port, vsockPort }) => ({
        destination: `${host}:${port}`,
        hostPort: vsockPort,
      })) ?? []),
    ],
    fault: fault === undefined ? null : { code: fault.code, message: fault.message, hint: hintOfError(fault) ?? null },
  };
}
