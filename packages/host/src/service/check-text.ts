// Service files that are texts already, as caisson.yaml has them: their own faults, and those between them where all of them are known.
import type { ServiceFault } from './fault.ts';
import { judgeServices } from './judge-service.ts';
import { parseFileName, parseServiceText } from './parse-service.ts';
import { readFolderSources, type ServiceSource } from './service-source.ts';

export interface CheckTextsOptions {
  /** The image will have the component `network`. */
  readonly network: boolean;
  /** A folder with the image's other service files; null: what other services it has is not known, nor then whom these may name. */
  readonly beside: string | null;
}

/** By file name, `web.service`. Warnings are left out: the builder says them. */
export async function checkServiceTexts(
  texts: Readonly<Record<string, string>>,
  { network, beside }: CheckTextsOptions,
): Promise<readonly ServiceFault[]> {
  const own: ServiceSource[] = Object.entries(texts).map(([file, text]) => ({
    file,
    text,
    ...(parseFileName(file) ?? { name: file, disabled: false }),
  }));
  if (beside === null) return own.flatMap((one) => parseServiceText(String(one.text), one).faults).filter(isFault);
  const others = await readFolderSources(beside).catch(() => []);
  const named = new Set(own.map(({ name }) => name));
  // An image has a command as a rule; what it is, only the builder knows.
  const application = { argv: ['app'], env: [], workingDirectory: null, user: null };
  const sources = [...others.filter(({ name }) => !named.has(name)), ...own];
  const { faults } = judgeServices(sources, { application, network, programs: null });
  return faults.filter((fault) => isFault(fault) && fault.file in texts);
}

function isFault({ level }: ServiceFault): boolean {
  return level === 'fault';
}
