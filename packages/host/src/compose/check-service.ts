// Service files of a caisson.yaml, compiled when the file is checked and not when the image is built.
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { CaissonError } from '@caisson/core/errors';
import { checkServiceTexts, type ServiceFault } from '../service/index.ts';
import { readBuildSettings } from './build-settings.ts';
import type { ComposeIssue } from './issue-text.ts';
import type { EnclaveSpec } from './schema.ts';

/** Paths from the enclave's own map. None where the files themselves cannot be read, which is a fault of its own. */
export async function findServiceIssues(spec: EnclaveSpec, folder: string): Promise<ComposeIssue[]> {
  const { services, ingress = [], egress = [], components } = spec;
  if (services === undefined) return [];
  const network = components?.includes('network') ?? ingress.length + egress.length > 0;
  try {
    const { settings } = await readBuildSettings(undefined, { services }, folder, { architecture: 'x86_64', env: {} });
    const found = await checkServiceTexts(settings.services, { network, beside: sourceFolder(spec, folder) });
    return found.map((fault) => issueOf(services, fault));
  } catch (error) {
    if (error instanceof CaissonError) return [];
    throw error;
  }
}

/** The source, where it is a folder that can be looked into; an empty one where there is none. */
function sourceFolder({ image }: EnclaveSpec, folder: string): string | null {
  const source = typeof image === 'string' ? image : image?.source;
  if (source === undefined) return null;
  const path = resolve(folder, source);
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true ? path : null;
}

function issueOf(
  services: NonNullable<EnclaveSpec['services']>,
  { file, line, column, message }: ServiceFault,
): ComposeIssue {
  if (typeof services === 'string') {
    return { path: ['services'], message: `services ${services}/${file}:${line}:${column}: ${message}` };
  }
  const name = file in services ? file : file.replace(/\.service$/, '');
  // The lines of the text in the YAML are not those of a file.
  return { path: ['services', name], message: `services.${name}, line ${line}: ${message}` };
}
