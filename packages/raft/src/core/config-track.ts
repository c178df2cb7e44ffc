import type { EntryBatch } from "../entry/entry-batch.ts";
import {
  EntryType,
  RECORD_HEADER_BYTES,
  recordLength,
  recordType,
  storedBytes,
} from "../entry/record.ts";
import { invariant } from "./invariant.ts";
import { type Configuration, configurationOf } from "./membership.ts";

/**
 * The configurations of a log: the newest one is active from its append on, committed or not, and a
 * truncation brings the one before it back (Raft paper, section 6). The list is never empty; its
 * first element stands for everything before the second.
 */
export class ConfigTrack {
  /** Ascending by index. */
  readonly list: Configuration[];

  constructor(list: readonly Configuration[]) {
    invariant(list.length > 0, "a log has a configuration");
    this.list = [...list];
  }

  get active(): Configuration {
    return this.list[this.list.length - 1] as Configuration;
  }

  /** The newest one at or below `index`; the oldest known one when all are above. */
  at(index: number): Configuration {
    for (let i = this.list.length - 1; i > 0; i--) {
      const configuration = this.list[i] as Configuration;
      if (configuration.index <= index) {
        return configuration;
      }
    }
    return this.list[0] as Configuration;
  }

  /** Takes up the configurations among the entries of a batch that was appended; true when there are any. */
  append(batch: EntryBatch): boolean {
    const { bytes, term } = batch;
    let isChanged = false;
    let index = batch.firstIndex;
    for (let at = 0; at < bytes.length; index++) {
      const length = recordLength(bytes, at);
      if (recordType(bytes, at) === EntryType.config) {
        const payload = bytes.subarray(at + RECORD_HEADER_BYTES, at + length);
        this.list.push(configurationOf({ index, term, payload }));
        isChanged = true;
      }
      at += storedBytes(length);
    }
    return isChanged;
  }

  /** Entries at and above `index` are gone; true when configurations were among them. */
  truncate(index: number): boolean {
    const before = this.list.length;
    while (this.list.length > 1 && this.active.index >= index) {
      this.list.pop();
    }
    return this.list.length < before;
  }

  /** Forgets what was active only before `index`. */
  dropBefore(index: number): void {
    let count = 0;
    while (count + 1 < this.list.length && (this.list[count + 1] as Configuration).index <= index) {
      count++;
    }
    this.list.splice(0, count);
  }

  /** The log was replaced by a snapshot: `base` is all there is. */
  reset(base: Configuration): void {
    this.list.length = 0;
    this.list.push(base);
  }

  /** A snapshot tells what was active before the log: `base`, and then what the log holds behind it. */
  rebase(base: Configuration): void {
    const later = this.list.filter(({ index }) => index > base.index);
    this.list.splice(0, this.list.length, base, ...later);
  }

  clone(): ConfigTrack {
    return new ConfigTrack(this.list);
  }
}
