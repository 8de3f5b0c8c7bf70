// `ip-to-vsock`: listen on TCP, dial a vsock. The name and both flag families of the tools that people run today.
import { withBridgeFlags } from '../bridge-flag.ts';
import type { OldBridgeFlags } from '../old-bridge.ts';
import type { RegisterCommand } from '../surroundings.ts';

interface Flags extends OldBridgeFlags {
  readonly listenIp?: string;
  readonly listenPort?: string;
}

export const register: RegisterCommand = (program, surroundings) => {
  const command = program
    .command('ip-to-vsock')
    .description('carry TCP connections to a vsock')
    .option('--listen-ip <ip>', 'where to listen')
    .option('--listen-port <port>', '0 lets the kernel choose')
    .option('--vsock-cid <cid>', 'CID of the far side')
    .option('--vsock-port <port>', 'port of the far side')
    .option('-i, --ip-addr <ip:port>', 'instead of --listen-ip and --listen-port')
    .option('-v, --vsock-addr <cid:port>', 'instead of --vsock-cid and --vsock-port');
  withBridgeFlags(command).action(async (flags: Flags) => {
    const { ipAddressOf, runOldBridge, vsockAddressOf } = await import('../old-bridge.ts');
    const listen = ipAddressOf(flags, 'listen', flags.listenIp, flags.listenPort);
    await runOldBridge(listen, vsockAddressOf(flags, { anyCid: false }), flags, surroundings);
  });
};
