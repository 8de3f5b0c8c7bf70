// Makes app/model.bin out of sentences.tsv: plain gradient descent with a fixed seed, ten seconds. The file is checked in, because its hash is what
// clients know; training again on another version of node may give another file.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { featuresOf } from '../src/features.ts';
import { guess, type Layer, parseModel, writeModel } from '../src/model.ts';

const [buckets, hidden, steps] = [1_024, 16, 60_000];
const here = import.meta.dirname;
const sentences = readFileSync(join(here, 'sentences.tsv'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => line.split('\t') as [string, string]);
const labels = [...new Set(sentences.map(([label]) => label))];

let seed = 7;
function random(): number {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
  return seed / 2 ** 32;
}
const noise = (count: number, size: number): Float32Array =>
  Float32Array.from({ length: count }, () => (random() - 0.5) * size);

const first = { weights: noise(buckets * hidden, 0.6), bias: new Float32Array(hidden) };
const second = { weights: noise(hidden * labels.length, 0.6), bias: new Float32Array(labels.length) };

for (let step = 0; step < steps; step += 1) {
  const [label, sentence] = sentences[Math.floor(random() * sentences.length)]!;
  // A window of it, since questions are shorter than sentences.
  const words = sentence.split(' ');
  const from = Math.floor(random() * (words.length - 2));
  const text = words.slice(from, from + 3 + Math.floor(random() * 8)).join(' ');
  learn(featuresOf(text, buckets), labels.indexOf(label), 0.2 * (1 - step / steps));
}

const model = { labels, buckets, layers: [pack(first, buckets, hidden), pack(second, hidden, labels.length)] };
const bytes = writeModel(model);
writeFileSync(join(here, '../app/model.bin'), bytes);
const packed = parseModel(bytes);
const right = sentences.filter(([label, text]) => guess(packed, text).label === label).length;
console.log(`${bytes.length} bytes; ${right} of ${sentences.length} sentences of its own`);

function learn(input: Float32Array, wanted: number, rate: number): void {
  const used = [...input.keys()].filter((index) => input[index] !== 0);
  const inner = Array.from({ length: hidden }, (_, unit) =>
    used.reduce((sum, index) => sum + input[index]! * first.weights[index * hidden + unit]!, first.bias[unit]!),
  );
  const active = inner.map((value) => Math.max(0, value));
  const scores = labels.map((_, output) =>
    active.reduce(
      (sum, value, unit) => sum + value * second.weights[unit * labels.length + output]!,
      second.bias[output]!,
    ),
  );
  const top = Math.max(...scores);
  const sum = scores.reduce((total, score) => total + Math.exp(score - top), 0);
  const errors = scores.map((score, output) => Math.exp(score - top) / sum - (output === wanted ? 1 : 0));
  for (let unit = 0; unit < hidden; unit += 1) {
    let back = 0;
    for (const [output, error] of errors.entries()) {
      const at = unit * labels.length + output;
      back += error * second.weights[at]!;
      second.weights[at] = second.weights[at]! - rate * error * active[unit]!;
    }
    if (inner[unit]! <= 0) continue;
    first.bias[unit] = first.bias[unit]! - rate * back;
    for (const index of used) {
      const at = index * hidden + unit;
      first.weights[at] = first.weights[at]! - rate * back * input[index]!;
    }
  }
  for (const [output, error] of errors.entries()) second.bias[output] = second.bias[output]! - rate * error;
}

function pack(
  { weights, bias }: { weights: Float32Array; bias: Float32Array },
  inputs: number,
  outputs: number,
): Layer {
  const scale = Math.fround(weights.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0) / 127);
  return { inputs, outputs, scale, bias, weights: Int8Array.from(weights, (weight) => Math.round(weight / scale)) };
}
