// The address of this host on which the way in of a boot config listens where a shim keeps it. argonaut listens for the whole world; here whoever wants
// that says so, as with `ingress`.
import { parseArgonautKnobs } from '@caisson/link/argonaut';

// Chosen.
const standardAddress = '127.0.0.1';

export function keptHttpAddress(env: Readonly<Record<string, string | undefined>>): string {
  const isSaid = (env['ARGONAUT_HTTP_BIND_ADDR'] ?? '') !== '';
  return isSaid ? parseArgonautKnobs(env).knobs.httpBindAddress : standardAddress;
}
