// `vsock-to-ip`: listen on a vsock, dial TCP. The name and both flag families of the tools that people run today.
import { withBridgeFlags } from '../bridge-flag.ts';
import type { OldBridgeFlags } from '../old-bridge.ts';
import type { RegisterCommand } from '../surroundings.ts';

interface Flags extends OldBridgeFlags {
  readonly targetIp?: string;
  readonly targetPort?: string;
}

export const register: RegisterCommand = (program, surroundings) => {
  const command = program
    .command('vsock-to-ip')
    .description('carry vsock connections to TCP')
    .option('--vsock-cid <cid>', 'own CID to listen on (default: any)')
    .option('--vsock-port <port>', 'port to listen on')
    .option('--target-ip <host>', 'address or name of the far side')
    .option('--target-port <port>', 'port of the far side')
    .option('-v, --vsock-addr <cid:port>', 'instead of --vsock-cid and --vsock-port; 4294967295 is any')
    .option('-i, --ip-addr <host:port>', 'instead of --target-ip and --target-port');
  withBridgeFlags(command).action(async (flags: Flags) => {
    const { ipAddressOf, runOldBridge, vsockAddressOf } = await import('../old-bridge.ts');
    const dial = ipAddressOf(flags, 'target', flags.targetIp, flags.targetPort);
    await runOldBridge(vsockAddressOf(flags, { anyCid: true }), dial, flags, surroundings);
  });
};
