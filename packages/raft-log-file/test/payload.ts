/** A payload that tells its index and has a size of its own. */
export function payloadOf(index: number): Buffer {
  return Buffer.alloc(4 + ((index * 37) % 900), `${index};`);
}
