/** Members that make a majority of `voterCount`. */
export function quorumSize(voterCount: number): number {
  return (voterCount >>> 1) + 1;
}

/**
 * The k-th largest of the first `count` values, k from 1: what at least k members have reached.
 * Sorts them in place; groups are small, so insertion beats anything that allocates.
 */
export function kthLargest(values: number[], count: number, k: number): number {
  for (let i = 1; i < count; i++) {
    const value = values[i] as number;
    let at = i - 1;
    while (at >= 0 && (values[at] as number) < value) {
      values[at + 1] = values[at] as number;
      at--;
    }
    values[at + 1] = value;
  }
  return values[k - 1] as number;
}
