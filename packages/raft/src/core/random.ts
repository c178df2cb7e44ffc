const GOLDEN_GAMMA = 0x9e3779b9;

/** First state of a generator. Nodes of one group may share a seed: the id sets them apart. */
export function seedRandom(seed: number, id: number): number {
  return mix((seed >>> 0) ^ mix((id + GOLDEN_GAMMA) | 0)) >>> 0;
}

/** State after `state`; the state is the only memory of the generator. */
export function nextRandom(state: number): number {
  return (state + GOLDEN_GAMMA) >>> 0;
}

/** A whole number in [min, max) that `state` stands for; `min` when that is empty. */
export function randomBetween(state: number, min: number, max: number): number {
  return min + Math.floor(((mix(state | 0) >>> 0) / 0x1_0000_0000) * (max - min));
}

/** The murmur3 finalizer: every input bit changes about half of the output bits. */
function mix(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}
