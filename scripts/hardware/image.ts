// The images of the smoke and the bench: a folder with one program, built here and now by `caisson build`, in the production profile, because that is the
// one that hardware runs.
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Caisson } from './caisson.ts';

export interface BuiltImage {
  readonly path: string;
  /** Hex, by index: 0, 1, 2. */
  readonly pcrs: readonly [string, string, string];
}

export interface ImageOptions {
  readonly caisson: Caisson;
  /** Where it is made. */
  readonly folder: string;
  readonly name: string;
  /** Files of `image/`; the first is the application. */
  readonly programs: readonly string[];
  /** Of the application's HTTP server. */
  readonly port: number;
  /** At once, of the bridges inside and the server behind them. */
  readonly maxConnections: number;
  /** `aws`, `caisson` or a file; undefined: no kernel will be looked at. */
  readonly kernel: string | undefined;
  /** Boots on a processor that is emulated. */
  readonly isEmulated: boolean;
  /** More of caisson.yaml. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

// A busy machine does not emulate a timer in time for the kernel's look at it (docs/qemu.md).
const emulatedCmdline = 'console=ttyS0 quiet reboot=t panic=-1 no_timer_check';

export async function buildImage(options: ImageOptions): Promise<BuiltImage> {
  const { caisson, folder, name, programs, port, maxConnections, settings } = options;
  const source = join(folder, 'source');
  // A folder of the image is one that has something in it.
  mkdirSync(join(source, 'data'), { recursive: true });
  writeFileSync(join(source, 'data/about'), 'What caisson cp may touch.\n');
  for (const program of programs) copyFileSync(join(import.meta.dirname, 'image', program), join(source, program));
  let { kernel } = options;
  if (kernel === undefined) {
    kernel = join(folder, 'no-kernel');
    writeFileSync(kernel, 'A simulation looks at no kernel.\n');
  }
  // The config is argonaut's, by argonaut's own commands: the supervisor takes none.
  const { policy = {}, ...others } = settings ?? {};
  const spec = {
    name,
    version: '1.0.0',
    profile: 'production',
    cmd: `node ${programs[0]}`,
    env: { PORT: String(port), ARGONAUT_MAX_CONNECTIONS: String(maxConnections) },
    // A bridged connection has two descriptors, and the server's end of it one.
    services: { app: `ReadyPort = ${port}\nLimitNOFILE = ${4 * maxConnections + 1_024}\n` },
    policy: { config: { expect: 'none' }, ...(policy as object) },
    ...others,
  };
  // JSON is YAML.
  writeFileSync(join(folder, 'build.yaml'), JSON.stringify(spec));
  const path = join(folder, `${name}.eif`);
  const words = ['build', source, '--config', join(folder, 'build.yaml'), '--kernel', kernel, '-o', path, '--json'];
  if (options.isEmulated) words.push('--cmdline', emulatedCmdline);
  const { measurements } = JSON.parse(await caisson.run(words)) as {
    readonly measurements: Readonly<Record<string, string>>;
  };
  const pcr = (index: number): string => {
    const value = measurements[`PCR${index}`];
    if (value === undefined) throw new Error(`${path} was built without PCR${index}`);
    return value;
  };
  return { path, pcrs: [pcr(0), pcr(1), pcr(2)] };
}
