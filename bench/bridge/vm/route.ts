// The ways on which ours meets socat within an enclave, and what is asked there: the bench's workloads, fewer connections, because
// the CPU is emulated.
import type { Route } from '../recipe.ts';
import type { Workload } from '../workload.ts';

export interface GuestRoute {
  readonly name: string;
  /** Where the far side listens: in the guest, or `elsewhere`, which is the parent. */
  readonly far: string;
  /** A route of its own for each bridge. */
  readonly of: (bridge: 'caisson' | 'socat') => Route;
  readonly workloads: readonly Workload[];
}

/** Where the parent's far side listens. */
export const parentPort = 5300;

const workloads: readonly Workload[] = [
  ...(['up', 'down'] as const).flatMap((mode) =>
    [1, 4].map(
      (connections) =>
        ({ name: `${mode} c${connections}`, group: `bulk ${mode}`, mode, connections, size: 0 }) as const,
    ),
  ),
  ...[64, 8192].flatMap((size) =>
    [1, 16].map(
      (connections) =>
        ({ name: `echo ${size} c${connections}`, group: 'closed loop', mode: 'echo', connections, size }) as const,
    ),
  ),
  { name: 'churn c8', group: 'churn', mode: 'churn', connections: 8, size: 64 },
  ...['1 KiB', '32 KiB'].map(
    (size, index) => ({ name: `http ${size}`, group: 'http', mode: 'wrk', connections: 8, size: index + 1 }) as const,
  ),
];

const ports = { caisson: 5100, socat: 5101 };

export const guestRoutes: readonly GuestRoute[] = [
  {
    name: 'TCP to vsock, within the enclave (CID 1)',
    far: 'vsock:any:5200',
    of: (bridge) => fromTcp(bridge, 'vsock:1:5200'),
    workloads,
  },
  {
    name: 'vsock to TCP, within the enclave (CID 1)',
    far: 'tcp:127.0.0.1:5201',
    of: (bridge) => ({
      listen: `vsock:any:${ports[bridge]}`,
      near: `vsock:1:${ports[bridge]}`,
      dial: 'tcp:127.0.0.1:5201',
    }),
    // wrk speaks TCP only.
    workloads: workloads.filter(({ mode }) => mode !== 'wrk'),
  },
  {
    name: 'TCP in the enclave to vsock of the parent (CID 3)',
    far: 'elsewhere',
    of: (bridge) => fromTcp(bridge, `vsock:3:${parentPort}`),
    workloads,
  },
];

function fromTcp(bridge: 'caisson' | 'socat', dial: string): Route {
  const listen = `tcp:127.0.0.1:${ports[bridge]}`;
  return { listen, near: listen, dial };
}
