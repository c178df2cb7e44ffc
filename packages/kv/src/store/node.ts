import type { ByteKey } from "./byte-key.ts";
import { ChildList } from "./child-list.ts";
import { NOTHING } from "./value-space.ts";

/** What the tree holds under a key. A value stays a value, and a directory a directory, until it is deleted. */
export type Node = ValueNode | DirectoryNode;

class TreeNode {
  readonly key: ByteKey;
  /** Revision of the write that created the node; at least 1 except for the root. */
  readonly createRevision: number;
  /** Revision of the last write to this node; createRevision <= modRevision <= revision of the tree. */
  modRevision: number;
  /** Writes to this node since it was created, that one included. */
  version = 1;
  /** Times of the first and the last write, as the leader stamped them: milliseconds since the epoch. */
  readonly createdMs: number;
  updatedMs: number;

  constructor(key: ByteKey, revision: number, timestampMs: number) {
    this.key = key;
    this.createRevision = revision;
    this.modRevision = revision;
    this.createdMs = timestampMs;
    this.updatedMs = timestampMs;
  }
}

/**
 * Its value is valueBuf[valueStart, valueEnd), memory that belongs to the tree's ValueSpace and is written again:
 * copy what is kept beyond the current call.
 */
export class ValueNode extends TreeNode {
  valueBuf: Buffer = NOTHING;
  valueStart = 0;
  valueEnd = 0;

  get valueLength(): number {
    return this.valueEnd - this.valueStart;
  }

  holds(buf: Buffer, start: number, end: number): boolean {
    return this.valueBuf.compare(buf, start, end, this.valueStart, this.valueEnd) === 0;
  }
}

/** Writes below a directory leave its own revision and version as they are. */
export class DirectoryNode extends TreeNode {
  readonly children: ChildList = new ChildList();
}
