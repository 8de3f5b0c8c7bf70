// Outside: asks for a MAC under a secret that this side does not have either.
import { askService } from '../client/ask.ts';
import type { MacRequest } from './src/protocol.ts';

/** Hex. */
export async function askForMac(url: string, request: MacRequest): Promise<string> {
  const answer = JSON.parse((await askService(`${url}/mac`, Buffer.from(JSON.stringify(request)))).toString());
  return String(answer.mac);
}
