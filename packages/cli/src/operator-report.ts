// What is shown of an operator's key: the public half.
import type { OperatorPublic } from '@caisson/host/operator';

export function operatorDocument({ name, path, spkiSha256, spkiBase64, publicPem }: OperatorPublic): string {
  return `${JSON.stringify({ v: 1, name, path, sha256: spkiSha256, spki: spkiBase64, pem: publicPem })}\n`;
}

export function operatorText({ name, path, spkiSha256, publicPem }: OperatorPublic): string {
  return [`operator ${name}`, `  key file  ${path}`, `  sha256    ${spkiSha256}`, '', publicPem].join('\n');
}
