/**
 * The tree as a snapshot holds it, big-endian:
 *
 * ```
 *  0  4  magic "DTKV"      4  2  version, 1      6  2  0      8  8  revision of the tree
 * then for every node but the root, in no order that a reader may rely on:
 *  0  1  kind: 1 value, 2 directory
 *  1  2  key length        3  4  record length   7  .. key, without a leading slash · record (store/record.ts)
 * at the end:
 *  0  1  0                 1  8  number of nodes
 * ```
 *
 * Whoever stores it adds checksums.
 */
export const MAGIC = 0x4454_4b56;
export const VERSION = 1;
export const HEADER_BYTES = 16;
export const NODE_HEADER_BYTES = 7;
export const END_BYTES = 9;

export const SnapshotNodeKind = { end: 0, value: 1, directory: 2 } as const;
