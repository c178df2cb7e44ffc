/** Short names for long descriptions, so that many worlds fit into memory. */
const NAMES = new Map<string, number>();

export function nameOf(description: string): number {
  const known = NAMES.get(description);
  if (known !== undefined) {
    return known;
  }
  NAMES.set(description, NAMES.size);
  return NAMES.size - 1;
}
