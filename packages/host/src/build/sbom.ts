// `app.eif.cdx.json`: what is in an image for tools that look for known holes, in CycloneDX 1.6. Every file by its hash, and, where the
// source says it itself, the packages they belong to: npm's package.json, dpkg's status. Nothing is guessed from names. Source:
// https://cyclonedx.org/docs/1.6/json/ (specification of the OWASP Foundation).
import { createHash } from 'node:crypto';
import type { Manifest } from './manifest.ts';
import { formatTime } from './metadata.ts';
import type { BuildPlan } from './plan.ts';
import type { ManifestFile } from './ramdisk.ts';
import { listPackages } from './source-package.ts';

export async function createSbom(plan: BuildPlan, manifest: Manifest): Promise<Readonly<Record<string, unknown>>> {
  const { settings, measurements, builder, inputs } = manifest;
  const packages = await listPackages(plan.source.tree, settings.architecture);
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(JSON.stringify([measurements, manifest.sections]))}`,
    version: 1,
    metadata: {
      timestamp: formatTime(settings.sourceDateEpoch),
      tools: { components: [{ type: 'application', name: builder.name, version: builder.version }] },
      component: {
        type: 'container',
        'bom-ref': 'image',
        name: settings.name,
        version: settings.version,
        properties: [
          ...Object.entries(measurements).map(([name, value]) => ({ name: `caisson:${name}`, value })),
          { name: 'caisson:profile', value: settings.profile },
          { name: 'caisson:toolchain', value: manifest.toolchain },
        ],
      },
    },
    components: [
      ...inputs.map(({ name, origin, digest }) => ({
        type: name === 'kernel' ? 'operating-system' : name === 'runtime' ? 'platform' : 'file',
        'bom-ref': `input:${name}`,
        ...(name === 'runtime' && plan.runtime !== null ? { name: 'node', version: plan.runtime.node } : { name }),
        hashes: [hashOf(digest)],
        properties: [{ name: 'caisson:origin', value: origin }],
      })),
      ...packages.map(({ name, version, purl, path }) => ({
        type: 'library',
        'bom-ref': `package:${path}:${purl}`,
        name,
        version,
        purl,
        properties: [{ name: 'caisson:path', value: path }],
      })),
      ...manifest.files.filter(({ kind }) => kind === 'file').map(describeFile),
    ],
  };
}

function describeFile({ ramdisk, path, sha256, sha384, origin }: ManifestFile): Readonly<Record<string, unknown>> {
  return {
    type: 'file',
    'bom-ref': `file:${ramdisk}:${path}`,
    name: path,
    hashes: [
      { alg: 'SHA-256', content: sha256 },
      { alg: 'SHA-384', content: sha384 },
    ],
    properties: [{ name: 'caisson:origin', value: origin }],
  };
}

function hashOf(digest: string): { alg: string; content: string } {
  const [algorithm = '', content = ''] = digest.split(':');
  return { alg: algorithm === 'sha256' ? 'SHA-256' : 'SHA-384', content };
}

/** A UUID of version 8 (RFC 9562): the same image has the same, another image another. */
function uuidOf(text: string): string {
  const hash = createHash('sha256').update(text).digest().subarray(0, 16);
  hash[6] = (hash[6]! & 0x0f) | 0x80;
  hash[8] = (hash[8]! & 0x3f) | 0x80;
  return hash.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
