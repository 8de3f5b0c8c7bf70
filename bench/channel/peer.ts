// The far end of the channel bench, a process of its own: node peer.ts ADDRESS WRITE_COST_US. Says `up` when it accepts.
import { parseAddress } from '@caisson/core/address';
import { serveBench } from '@caisson/host/bench';
import { openTransportFromEnvironment } from '@caisson/link/transport';
import { createLinuxKernel } from '@caisson/sys';

const [address = '', writeCostUs = '0'] = process.argv.slice(2);
const transport = openTransportFromEnvironment(process.env, createLinuxKernel());
const server = await serveBench(parseAddress(address), { transport, writeCostUs: Number(writeCostUs) });
process.send?.('up');
// The bench is gone.
process.once('disconnect', () => void server.close().then(() => process.exit()));
