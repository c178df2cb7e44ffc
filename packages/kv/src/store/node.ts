import type { ByteKey } from "./byte-key.ts";
import { ChildList } from "./child-list.ts";
import { NO_RECORD } from "./record-space.ts";
import {
  readCreatedMs,
  readCreateRevision,
  readModRevision,
  readUpdatedMs,
  readVersion,
  RECORD_HEAD_BYTES,
} from "./record.ts";

/** What the tree holds under a key. A value stays a value, and a directory a directory, until it is deleted. */
export type Node = ValueNode | DirectoryNode;

/**
 * The record, recordBuf[recordStart, recordEnd), is laid out as record.ts says, in memory that belongs to the tree's
 * RecordSpace and is written again: copy what is kept beyond the current call.
 */
class TreeNode {
  readonly key: ByteKey;
  recordBuf: Buffer = NO_RECORD;
  recordStart = 0;
  recordEnd = 0;

  constructor(key: ByteKey) {
    this.key = key;
  }

  /** Revision of the write that created the node; at least 1 except for the root. */
  get createRevision(): number {
    return readCreateRevision(this.recordBuf, this.recordStart);
  }

  /** Revision of the last write to this node; createRevision <= modRevision <= revision of the tree. */
  get modRevision(): number {
    return readModRevision(this.recordBuf, this.recordStart);
  }

  get version(): number {
    return readVersion(this.recordBuf, this.recordStart);
  }

  get createdMs(): number {
    return readCreatedMs(this.recordBuf, this.recordStart);
  }

  get updatedMs(): number {
    return readUpdatedMs(this.recordBuf, this.recordStart);
  }

  /** Bytes of the value; 0 for a directory. */
  get valueLength(): number {
    return this.recordEnd - this.recordStart - RECORD_HEAD_BYTES;
  }
}

export class ValueNode extends TreeNode {
  /** Whether the value is buf[start, end). */
  holds(buf: Buffer, start: number, end: number): boolean {
    const valueStart = this.recordStart + RECORD_HEAD_BYTES;
    return this.recordBuf.compare(buf, start, end, valueStart, this.recordEnd) === 0;
  }

  copyValue(): Buffer {
    return Buffer.from(
      this.recordBuf.subarray(this.recordStart + RECORD_HEAD_BYTES, this.recordEnd),
    );
  }
}

/** Writes below a directory leave its own revision and version as they are. */
export class DirectoryNode extends TreeNode {
  readonly children: ChildList = new ChildList();
}
