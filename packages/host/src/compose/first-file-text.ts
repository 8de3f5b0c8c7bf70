// The words of a first caisson.yaml, and of the program beside it where there was none.
import { DEVELOPMENT_OPERATOR } from '../operator/operator-key.ts';

export interface FirstFileText {
  readonly name: string;
  readonly source: string;
  /** Empty: what the source runs by itself. */
  readonly words: readonly string[];
  readonly port: number | null;
}

export function renderFirstFile({ name, source, words, port }: FirstFileText): string {
  const command =
    words.length > 0
      ? `cmd: [${words.map(quote).join(', ')}]`
      : '# What the source runs by itself: main of its package.json, or the entry point of the container image.\n# cmd: node server.mjs';
  const served =
    port === null
      ? `# A port that it serves on: ADDRESS:PORT here, and the port inside.
# ingress: ["127.0.0.1:8080:8080"]
# ready: { tcp: 8080, timeout: 30s }`
      : `# ADDRESS:PORT on this machine, and the port inside.
ingress: ["127.0.0.1:${port}:${port}"]

# It is ready when this port accepts inside, and failed when it does not in time. Measured. Also http: ${port}, action: vsock:PORT, notify: true.
ready: { tcp: ${port}, timeout: 30s }`;
  return `# What this enclave is and how it runs. Every key: docs/caisson-yaml.md. After a change: caisson compose check
name: ${name}
version: 0.1.0

image:
  # A folder, an OCI layout, an archive of docker save, or docker://NAME of a registry.
  source: ${quote(source)}

# development: a shell inside, for a laptop; it ends itself on real hardware. production: none of that.
profile: development

${command}

# Measured into the image: no place for a secret.
# env: { LOG: info }

${served}

# The only places it may reach. Measured.
# egress: [api.example.com:443]

# Sent at every start, and fixed in PCR16 before anything runs. A file, or as here; variables come from the environment or --env-file.
# config: { greeting: "\${GREETING:-hello}" }

# auto takes hardware where there is some, else a simulation; caisson up --backend qemu boots it.
backend: auto
# cpus: a whole core, which is two of most instances, unless said.
resources: { memoryMiB: 640 }

# Whoever may look inside and command it: a key of this machine, made by the first build; development only.
# For production a key of your own (caisson operator create): operators: { root_key: operators.pem }
operators: { local: ${DEVELOPMENT_OPERATOR} }

restart: on-failure
`;
}

/** JSON is YAML; a dollar would begin a variable. */
function quote(text: string): string {
  return JSON.stringify(text).replaceAll('$', '$$$$');
}

export function starterProgram(port: number): string {
  return `// Answers every request; put your own program here.
import { createServer } from 'node:http';

createServer((request, response) => response.end(\`hello from an enclave: \${request.url}\\n\`)).listen(${port}, '127.0.0.1');
`;
}
