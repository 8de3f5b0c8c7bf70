// What no enclave of a file can see by itself: two that want one port of the host, one CID or one CPU.
import { normalize } from 'node:path';
import { findDependencyIssues } from './depends-on.ts';
import { type IngressRule, isSameListener, readIngressRule } from './ingress-rule.ts';
import type { ComposeIssue } from './issue-text.ts';
import type { PlacedSpec } from './placed-spec.ts';

export function findSharedIssues(names: readonly string[], enclaves: ReadonlyMap<string, PlacedSpec>): ComposeIssue[] {
  return [
    ...findSameCids(enclaves),
    ...findSameCpus(enclaves),
    ...findSameListeners(enclaves),
    ...findSameLogFiles(enclaves),
    ...findDependencyIssues(names, enclaves),
  ];
}

function findSameCids(enclaves: ReadonlyMap<string, PlacedSpec>): ComposeIssue[] {
  const owners = new Map<number, string>();
  return [...enclaves].flatMap(([name, { spec, path }]) => {
    if (spec.cid === undefined) return [];
    const owner = owners.get(spec.cid);
    owners.set(spec.cid, owner ?? name);
    return owner === undefined
      ? []
      : [{ path: [...path, 'cid'], message: `cid of ${name} must be its own, got ${spec.cid}, which ${owner} has` }];
  });
}

/** Each is turned over by the shim that writes it. */
function findSameLogFiles(enclaves: ReadonlyMap<string, PlacedSpec>): ComposeIssue[] {
  const owners = new Map<string, string>();
  return [...enclaves].flatMap(([name, { spec, path }]) => {
    if (spec.logs?.file === undefined) return [];
    const file = normalize(spec.logs.file);
    const owner = owners.get(file);
    owners.set(file, owner ?? name);
    if (owner === undefined) return [];
    return [
      {
        path: [...path, 'logs', 'file'],
        message: `logs.file of ${name} must be its own, got ${file}, which ${owner} has`,
      },
    ];
  });
}

function findSameCpus(enclaves: ReadonlyMap<string, PlacedSpec>): ComposeIssue[] {
  const owners = new Map<number, string>();
  return [...enclaves].flatMap(([name, { spec, path }]) =>
    (spec.resources?.cpu_ids ?? []).flatMap((id, index) => {
      const owner = owners.get(id);
      owners.set(id, owner ?? name);
      if (owner === undefined) return [];
      const whose = owner === name ? 'that stands there twice' : `which ${owner} has`;
      return [
        {
          path: [...path, 'resources', 'cpu_ids', index],
          message: `resources.cpu_ids[${index}] of ${name} must be its own, got ${id}, ${whose}`,
        },
      ];
    }),
  );
}

function findSameListeners(enclaves: ReadonlyMap<string, PlacedSpec>): ComposeIssue[] {
  const taken: { readonly rule: IngressRule; readonly place: string }[] = [];
  return [...enclaves].flatMap(([name, { spec, path }]) =>
    (spec.ingress ?? []).flatMap((one, index) => {
      const rule = readIngressRule(one);
      const place = `ingress[${index}] of ${name}`;
      const first = taken.find((other) => isSameListener(other.rule, rule));
      taken.push({ rule, place });
      if (first === undefined) return [];
      const got = `${rule.hostAddress}:${rule.hostPort}`;
      return [
        {
          path: [...path, 'ingress', index],
          message: `${place} must have a host address and port of its own, got ${got}, which ${first.place} has`,
        },
      ];
    }),
  );
}
