// Plain far sides and near sides for tests of a data plane, over TCP and unix on this machine only.
export { connectTo, finish, outcomeOf, readAll } from './client.ts';
export { type FarSide, openDeafSide, openEcho, openFarSide } from './far-side.ts';
export { freePort } from './free-port.ts';
export { hasEngine, openEngine, openListener } from './native.ts';
export { type Starved, startStarved } from './starved.ts';
export { type Cleaner, countDescriptors, digestOf, makeFolder, until } from './surroundings.ts';
export { openWall, serveBy, type Wall } from './wall.ts';
