// P-384 in plain integers, to make signatures whose r, s or points are at the edges that random ones never reach. Slow, not constant in
// time, and for tests only. Given: SEC 2 section 2.5.1.
export const p384 = {
  p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
  n: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
  g: {
    x: 0xaa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7n,
    y: 0x3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5fn,
  },
} as const;

export interface Point {
  readonly x: bigint;
  readonly y: bigint;
}

const { p, n, b, g } = p384;
const modulo = (value: bigint, modulus: bigint): bigint => ((value % modulus) + modulus) % modulus;

export function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (let [square, rest] = [modulo(base, modulus), exponent]; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

// Extended Euclid; Fermat's way takes ten times as long.
function inverse(value: bigint, modulus: bigint): bigint {
  let [remainder, next] = [modulus, modulo(value, modulus)];
  let [coefficient, following] = [0n, 1n];
  while (next > 0n) {
    const quotient = remainder / next;
    [remainder, next] = [next, remainder - quotient * next];
    [coefficient, following] = [following, coefficient - quotient * following];
  }
  return modulo(coefficient, modulus);
}

/** Undefined is the point at infinity. */
function add(left: Point | undefined, right: Point | undefined): Point | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  if (left.x === right.x && modulo(left.y + right.y, p) === 0n) return undefined;
  const slope =
    left.x === right.x
      ? (3n * left.x * left.x - 3n) * inverse(2n * left.y, p)
      : (right.y - left.y) * inverse(modulo(right.x - left.x, p), p);
  const x = modulo(slope * slope - left.x - right.x, p);
  return { x, y: modulo(slope * (left.x - x) - left.y, p) };
}

export function multiply(scalar: bigint, point: Point): Point | undefined {
  let result: Point | undefined;
  let doubled: Point | undefined = point;
  for (let rest = modulo(scalar, n); rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = add(result, doubled);
    doubled = add(doubled, doubled);
  }
  return result;
}

/** A point with this x, or undefined where the curve has none. */
export function liftX(x: bigint): Point | undefined {
  const square = modulo(x * x * x - 3n * x + b, p);
  // p = 3 mod 4.
  const y = power(square, (p + 1n) / 4n, p);
  return (y * y) % p === square ? { x, y } : undefined;
}

/**
 * The public key under which (r, s) is a signature of hash `e`: Q = r^-1 (s R - e G), where R has x coordinate `rx` and
 * r = rx mod n (SEC 1 section 4.1.6).
 */
export function recoverKey(rPoint: Point, s: bigint, e: bigint): Point | undefined {
  const r = modulo(rPoint.x, n);
  const inverseR = inverse(r, n);
  return add(multiply(s * inverseR, rPoint), multiply(modulo(-e * inverseR, n), g));
}

export function scalarBytes(value: bigint): Uint8Array {
  return Uint8Array.from(Buffer.from(value.toString(16).padStart(96, '0'), 'hex'));
}

export function scalarOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}
