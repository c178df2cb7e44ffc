export const SECTOR_BYTES = 512;
/** What a durable write brings to the platter: whole pages. */
const PAGE_BYTES = 4096;
const PAGE_SECTORS = PAGE_BYTES / SECTOR_BYTES;

/** What is on the platter of a sector that was written and not synced. */
export interface SectorChoices {
  /** Whether anything of it is. */
  readonly sectors: (sector: number) => boolean;
  /** Which of its contents since the last sync is, 0 being the oldest; the newest where this is left out. */
  readonly version?: (count: number) => number;
}

/** The contents that a sync makes durable: those of its beginning. */
export type SyncedSectors = ReadonlyMap<number, Buffer>;

/** Content of a file: what programs see, and what is on the platter. */
export class DiskInode {
  static #made = 0n;
  /** The same after a crash and in a clone of the disk. */
  readonly number: bigint;
  #cached: Buffer = Buffer.alloc(0);
  #size = 0;
  #durable: Buffer = Buffer.alloc(0);
  #durableSize = 0;
  /** Contents of each sector since it was last made durable, oldest first. */
  readonly #dirty = new Map<number, Buffer[]>();

  constructor(number = ++DiskInode.#made) {
    this.number = number;
  }

  get size(): number {
    return this.#size;
  }

  /** A view, until the next write. */
  content(): Buffer {
    return this.#cached.subarray(0, this.#size);
  }

  /** Sets the content, durably. */
  replace(content: Buffer): void {
    this.#cached = Buffer.from(content);
    this.#size = content.length;
    this.#durable = Buffer.from(content);
    this.#durableSize = content.length;
    this.#dirty.clear();
  }

  /** Copies `[start, end)` of `from` into the cache. */
  write(from: Buffer, start: number, end: number, position: number): void {
    if (start === end) {
      return;
    }
    this.#size = Math.max(this.#size, position + (end - start));
    this.#cached = grown(this.#cached, this.#size);
    from.copy(this.#cached, position, start, end);
    const first = Math.floor(position / SECTOR_BYTES);
    const last = Math.floor((position + (end - start) - 1) / SECTOR_BYTES);
    const begin = first * SECTOR_BYTES;
    const copy = Buffer.from(
      this.#cached.subarray(begin, Math.min(this.#size, (last + 1) * SECTOR_BYTES)),
    );
    for (let sector = first; sector <= last; sector++) {
      const at = sector * SECTOR_BYTES - begin;
      const version = copy.subarray(at, at + SECTOR_BYTES);
      const versions = this.#dirty.get(sector);
      if (versions === undefined) {
        this.#dirty.set(sector, [version]);
      } else {
        versions.push(version);
      }
    }
  }

  /** What a sync of the pages that hold `[start, end)`, which begins now, makes durable when it ends. */
  beginSync(start: number, end: number): SyncedSectors {
    const first = Math.floor(start / PAGE_BYTES) * PAGE_SECTORS;
    const behind = Math.ceil(end / PAGE_BYTES) * PAGE_SECTORS;
    const synced = new Map<number, Buffer>();
    for (const [sector, versions] of this.#dirty) {
      if (sector >= first && sector < behind) {
        synced.set(sector, versions.at(-1) as Buffer);
      }
    }
    return synced;
  }

  endSync(synced: SyncedSectors): void {
    for (const [sector, content] of synced) {
      this.#store(sector, content);
      const versions = this.#dirty.get(sector);
      if (versions !== undefined) {
        versions.splice(0, versions.indexOf(content) + 1);
        if (versions.length === 0) {
          this.#dirty.delete(sector);
        }
      }
    }
  }

  /** The file after a power cut. It grows to the last sector that is on the platter. */
  afterCrash(choices: SectorChoices): DiskInode {
    const inode = new DiskInode(this.number);
    inode.replace(this.#durable.subarray(0, this.#durableSize));
    for (const [sector, versions] of this.#dirty) {
      if (choices.sectors(sector)) {
        const version = choices.version?.(versions.length) ?? versions.length - 1;
        inode.#store(sector, versions[version] as Buffer);
      }
    }
    inode.#cached = Buffer.from(inode.#durable.subarray(0, inode.#durableSize));
    inode.#size = inode.#durableSize;
    return inode;
  }

  /** What was not synced stays in the cache but nothing brings it to the platter any more. */
  forgetDirtySectors(): void {
    this.#dirty.clear();
  }

  clone(): DiskInode {
    const inode = new DiskInode(this.number);
    inode.replace(this.#durable.subarray(0, this.#durableSize));
    inode.#cached = Buffer.from(this.content());
    inode.#size = this.#size;
    for (const [sector, versions] of this.#dirty) {
      inode.#dirty.set(sector, [...versions]);
    }
    return inode;
  }

  #store(sector: number, content: Buffer): void {
    const at = sector * SECTOR_BYTES;
    this.#durableSize = Math.max(this.#durableSize, at + content.length);
    this.#durable = grown(this.#durable, this.#durableSize);
    content.copy(this.#durable, at);
  }
}

/** A buffer of at least this size with the same content, then zeros. */
function grown(buffer: Buffer, size: number): Buffer {
  if (size <= buffer.length) {
    return buffer;
  }
  const larger = Buffer.alloc(Math.max(size, buffer.length * 2));
  buffer.copy(larger);
  return larger;
}
