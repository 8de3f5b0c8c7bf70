// `caisson bridge`: carry connections between any two of vsock, TCP and unix, by flags or by a file of rules.

import type { BridgeRule } from '@caisson/link/bridge';
import { asUsage, type BridgeFlags, bridgeDefaults, withBridgeFlags } from '../bridge-flag.ts';
import { UsageError } from '../exit-code.ts';
import { collect } from '../repeatable.ts';
import type { RegisterCommand } from '../surroundings.ts';

interface Flags extends BridgeFlags {
  readonly listen?: string;
  readonly dial?: string;
  readonly rule: readonly string[];
  readonly rules?: string;
}

export const register: RegisterCommand = (program, surroundings) => {
  const command = program
    .command('bridge')
    .description('carry connections from one address to another, both ways, until stopped')
    .option('--listen <address>', 'vsock:any:PORT, vsock:CID:PORT, tcp:HOST:PORT or unix:PATH')
    .option('--dial <address>', 'where each connection goes')
    .option('--rule <pairs>', 'one more bridge: listen=ADDRESS,dial=ADDRESS[,FIELD=VALUE...]', collect, [])
    .option('--rules <file>', 'a JSON array of such rules; read again on SIGHUP');
  withBridgeFlags(command)
    .addHelpText(
      'after',
      `
A limit given as a flag holds for every rule that does not say otherwise.
SIGTERM or SIGINT: no new connections, 10 s for living ones, then exit 0.

  caisson bridge --listen vsock:any:3000 --dial tcp:127.0.0.1:8080
  caisson bridge --rule listen=tcp:127.0.0.1:8443,dial=vsock:16:443 --rule listen=vsock:any:8001,dial=tcp:kms.example:443`,
    )
    .action(async (flags: Flags) => {
      const { parseBridgeRule, readBridgeRules } = await import('@caisson/link/bridge');
      const { runBridges } = await import('../run-bridges.ts');
      const defaults = await bridgeDefaults(flags);
      const fixed = asUsage(() => pairsOf(flags).map(({ text, what }) => parseBridgeRule(text, { defaults, what })));
      const readAll = async (): Promise<readonly BridgeRule[]> =>
        flags.rules === undefined ? fixed : [...fixed, ...(await readBridgeRules(flags.rules, { defaults }))];
      const rules = await readAll();
      const again = flags.rules === undefined ? {} : { readAgain: readAll };
      await runBridges({ rules, ...again, json: flags.json === true }, surroundings);
    });
};

function pairsOf({ listen, dial, rule, rules }: Flags): { text: string; what: string }[] {
  if ((listen === undefined) !== (dial === undefined)) throw new UsageError('--listen and --dial belong together');
  const pairs = rule.map((text, index) => ({ text, what: `--rule ${index + 1}` }));
  if (listen !== undefined) pairs.unshift({ text: `listen=${listen},dial=${dial}`, what: 'bridge' });
  if (pairs.length === 0 && rules === undefined) {
    throw new UsageError('nothing to carry: give --listen and --dial, --rule or --rules');
  }
  return pairs;
}
