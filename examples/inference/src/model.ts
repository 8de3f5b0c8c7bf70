// The model: trigrams, one hidden layer, a label for each output. Weights are bytes with a scale for each layer, so the whole thing is a file of
// 17 KB that anybody can hash. No library: a forward pass is two loops.
import { featuresOf } from './features.ts';

export interface Model {
  readonly labels: readonly string[];
  readonly buckets: number;
  readonly layers: readonly Layer[];
}

export interface Layer {
  readonly inputs: number;
  readonly outputs: number;
  readonly scale: number;
  /** Row of an input after row of an input. */
  readonly weights: Int8Array;
  readonly bias: Float32Array;
}

export interface Guess {
  readonly label: string;
  /** 0 to 1, three digits: what the model gives it, not how often it is right. */
  readonly share: number;
}

const magic = 'CSNLANG1';

/** magic, u16 buckets, u16 hidden, u16 labels; of both layers f32 scale, f32 bias, i8 weights; labels with commas. Little endian. */
export function parseModel(bytes: Buffer): Model {
  if (bytes.toString('latin1', 0, 8) !== magic) throw new Error('model must begin with CSNLANG1');
  const [buckets, hidden, outputs] = [8, 10, 12].map((at) => bytes.readUInt16LE(at)) as [number, number, number];
  let at = 14;
  const layers = [
    [buckets, hidden],
    [hidden, outputs],
  ].map(([from, to]) => {
    const [inputs, count] = [from!, to!];
    const scale = bytes.readFloatLE(at);
    const bias = Float32Array.from({ length: count }, (_, index) => bytes.readFloatLE(at + 4 + index * 4));
    at += 4 + count * 4;
    const weights = new Int8Array(bytes.subarray(at, at + inputs * count));
    at += inputs * count;
    return { inputs, outputs: count, scale, weights, bias };
  });
  const labels = bytes.toString('utf8', at).split(',');
  if (labels.length !== outputs) throw new Error(`model must have ${outputs} labels, got ${labels.length}`);
  return { labels, buckets, layers };
}

export function writeModel({ labels, buckets, layers }: Model): Buffer {
  const head = Buffer.alloc(14, magic, 'latin1');
  for (const [index, count] of [buckets, layers[0]!.outputs, labels.length].entries()) {
    head.writeUInt16LE(count, 8 + index * 2);
  }
  const bodies = layers.flatMap(({ scale, bias, weights }) => [
    Buffer.from(Float32Array.of(scale, ...bias).buffer),
    Buffer.from(weights),
  ]);
  return Buffer.concat([head, ...bodies, Buffer.from(labels.join(','))]);
}

export function guess({ labels, buckets, layers: [first, second] }: Model, text: string): Guess {
  const hidden = forward(first!, featuresOf(text, buckets)).map((value) => Math.max(0, value));
  const scores = forward(second!, hidden);
  const top = Math.max(...scores);
  const shares = scores.map((score) => Math.exp(score - top));
  const best = scores.indexOf(top);
  const sum = shares.reduce((left, right) => left + right, 0);
  return { label: labels[best]!, share: Number((shares[best]! / sum).toFixed(3)) };
}

function forward({ inputs, outputs, scale, weights, bias }: Layer, values: Float32Array): Float32Array {
  const sums = new Float32Array(outputs);
  for (let input = 0; input < inputs; input += 1) {
    const value = values[input]!;
    if (value === 0) continue;
    for (let output = 0; output < outputs; output += 1) {
      sums[output] = sums[output]! + value * weights[input * outputs + output]!;
    }
  }
  return sums.map((sum, output) => sum * scale + bias[output]!);
}
