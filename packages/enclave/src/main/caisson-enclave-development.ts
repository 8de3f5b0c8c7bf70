// The same program for simulations: CAISSON_VSOCK may name the fabric or a hybrid socket, CAISSON_ROOT a root that is a folder. The NSM is still a device or somebody
// else's socket: no enclave bundle holds a simulator.
import { CaissonError } from '@caisson/core/errors';
import { openNsmSocket } from '@caisson/link/nsm';
import { openTransportFromEnvironment } from '@caisson/link/transport';
import { openOwnNsm } from '../nsm/index.ts';
import { runEnclaveProgram } from './program.ts';

await runEnclaveProgram({
  openTransport: (env, kernel) => openTransportFromEnvironment(env, kernel),
  // A simulation without a room: PID 1 says where the image was unpacked (packages/sys/sim/place.c).
  rootOf: (env) => env['CAISSON_ROOT'] ?? '',
  async openNsm(env, kernel) {
    const choice = env['CAISSON_NSM'] ?? 'device';
    if (choice === 'device') return kernel.openNsm();
    if (choice.startsWith('unix:')) return openNsmSocket(choice.slice('unix:'.length));
    throw new CaissonError(
      'ENCLAVE_NSM_CHOICE',
      `CAISSON_NSM must be device or unix:PATH, got ${JSON.stringify(choice)}`,
      {
        hint: 'caisson nsm serve --socket PATH shares a simulated NSM',
      },
    );
  },
  async openOwnNsm(env, kernel) {
    const choice = env['CAISSON_NSM'] ?? 'device';
    return choice.startsWith('unix:') ? openNsmSocket(choice.slice('unix:'.length)) : openOwnNsm(kernel);
  },
});
