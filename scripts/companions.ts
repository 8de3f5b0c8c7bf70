// Test files that share a process in the gate: they test functions more than processes, and to start Node and to load the same modules again is half of
// what they take. Whoever sets a hook around every test or changes its process has one of its own all the same; in the deep lane, and
// where files are named, each has. A file of imports stands for each company, and a fault names the line of the file it is in.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const companies: Readonly<Record<string, RegExp>> = {
  cli: /^packages\/cli\/src\/(commands\/)?(?!nitro|up-nitro|rbuilds|shim-process|attest-enclave)[a-z-]+\.test\.ts$/,
  verify: /^packages\/(verify|vrf)\//,
  core: /^packages\/core\//,
  host: /^packages\/host\/src\/(argonaut|bench|compose|doctor|explain|kms|policy|record|service|statement|tree)\//,
  link: /^packages\/link\/src\/(argonaut|channel|config|control|nsm|pipeline|ready)\//,
  ways: /^packages\/link\/src\/(bridge|init|transport)\/(?!(js-|native-)?contract|crash)/,
  enclave: /^packages\/enclave\/src\/(attest|boot-config|control|egress|init|network|nsm|pipeline)\//,
  parts: /^packages\/host\/src\/(oci|operator|runtime)\//,
  machines:
    /^packages\/host\/src\/(attest|backend[a-z-]*|child|engine|file|nitro-verb|ready|shim|simulator|store)\/(?!nitro-backend|kill|make-image)/,
  images: /^packages\/host\/src\/(build|dockerfile|image|kernel|located-yaml|pipeline|rbuilds)\/(?!write-eif)/,
  sys: /^packages\/sys\/src\/(?!accept-limit|adopt|connect|datagram|engine-limit|engine-relay|engine\.|vsock|write-limit)[a-z-]+\.test\.ts$/,
  house: /^test\/house\//,
};
const needsOwnProcess =
  /\b(beforeEach|afterEach|chdir|umask)\b|process\.(argv|execArgv|exitCode|env)\b(\[[^\]]+\])* = |delete process\.env|\bpassForProgram\(/;

/** Paths of the same tests, fewer; what it writes goes to `folder`. */
export function joinCompanions(files: readonly string[], folder: string): readonly string[] {
  mkdirSync(folder, { recursive: true });
  const joined = new Map<string, string>();
  for (const [name, pattern] of Object.entries(companies)) {
    const path = join(folder, `${name}.mjs`);
    const members = files.filter((file) => pattern.test(file) && !needsOwnProcess.test(readFileSync(file, 'utf8')));
    writeFileSync(path, members.map((file) => `import '${pathToFileURL(resolve(file))}';\n`).join(''));
    for (const file of members) joined.set(file, path);
  }
  return [...new Set(joined.values()), ...files.filter((file) => !joined.has(file))];
}
