// `caisson bench channel`: a survey of one address, and in words what limits the pattern that the user has.
import { parseAddress } from '@caisson/core/address';
import { withExitAction } from '../exit-action.ts';
import { EXIT_OK, UsageError } from '../exit-code.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';

interface Flags {
  readonly to: string;
  readonly size: string;
  readonly reply?: string;
  readonly depth: string;
  readonly window: string;
  readonly crc?: true;
  readonly brief?: true;
  readonly json?: true;
}

export const registerBenchChannel: RegisterCommand = (bench, surroundings) => {
  const command = bench
    .command('channel')
    .description('measure the message channel to a bench server, and say which limit a pattern of messages hits')
    .requiredOption(
      '--to <address>',
      'where caisson bench serve listens; null: measures the channel without any transport',
    )
    .option('--size <bytes>', 'of a request of yours', '256')
    .option('--reply <bytes>', 'of its reply; default as great as the request')
    .option('--depth <n>', 'requests of yours on their way at once', '1')
    .option('--window <ms>', 'for each measurement', '300')
    .option('--crc', 'with a CRC on every frame')
    .option('--brief', 'fewer sizes and depths')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
  caisson bench serve --listen vsock:any:5010       in the enclave
  caisson bench channel --to vsock:16:5010 --size 8192 --depth 1`,
    );
  withExitAction(command, (flags: Flags) => run(flags, surroundings));
};

async function run(flags: Flags, { env, stdout, stderr }: Surroundings): Promise<number> {
  const messageBytes = whole('--size', flags.size, 0, 1_048_576);
  const replyBytes = flags.reply === undefined ? undefined : whole('--reply', flags.reply, 0, 1_048_576);
  const depth = whole('--depth', flags.depth, 1, 16_384);
  const windowMs = whole('--window', flags.window, 10, 60_000);
  const { dialAddress, renderSurvey, runNull, survey, surveyFacts } = await import('@caisson/host/bench');
  if (flags.to === 'null:') {
    const sample = await runNull(messageBytes, windowMs);
    const words = `${Math.round(sample.perSecond)} messages a second of ${messageBytes} B, ${sample.cpuUsPerMessage.toFixed(2)} us of the processor each`;
    if (flags.json) stdout.write(`${JSON.stringify({ v: 1, to: 'null:', sample })}\n`);
    else stdout.write(`without any transport, one side alone: ${words}\n`);
    return EXIT_OK;
  }
  const address = parseAddress(flags.to, '--to');
  const { openTransportFromEnvironment } = await import('@caisson/link/transport');
  const { createLinuxKernel } = await import('@caisson/sys');
  const transport = openTransportFromEnvironment(env, createLinuxKernel());
  const own = { name: 'your pattern', messageBytes, depth, ...(replyBytes === undefined ? {} : { replyBytes }) };
  const found = await survey(() => dialAddress(address, transport), {
    windowMs,
    own,
    crc: flags.crc === true,
    ...(flags.brief ? { sizes: [256, 8_192], depths: [1, 64, 256] } : {}),
    onStep: (name) => stderr.write(`measuring: ${name}\n`),
  });
  if (flags.json) stdout.write(`${JSON.stringify({ v: 1, to: flags.to, ...surveyFacts(found) })}\n`);
  else stdout.write(`${renderSurvey(found).join('\n')}\n`);
  return EXIT_OK;
}

function whole(flag: string, text: string, least: number, most: number): number {
  const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new UsageError(`${flag} must be an integer in ${least}..${most}, got ${text}`);
}
