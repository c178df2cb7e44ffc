import type { CrashChoices } from "./crash-choices.ts";
import type { DiskInode } from "./disk-inode.ts";

export type DiskNode = DiskInode | DiskDirectory;
type Names = Map<string, DiskNode>;

/** A directory: the names that programs see, and those on the platter. */
export class DiskDirectory {
  readonly #names: Names;
  readonly #durable: Names;
  #changes: ((names: Names) => void)[] = [];

  constructor(names: Names = new Map()) {
    this.#names = names;
    this.#durable = new Map(names);
  }

  get names(): ReadonlyMap<string, DiskNode> {
    return this.#names;
  }

  /** Changes names; not durable before the next `sync`. */
  change(apply: (names: Names) => void): void {
    apply(this.#names);
    this.#changes.push(apply);
  }

  /** Changes names durably, also where changes before it are not. */
  force(apply: (names: Names) => void): void {
    apply(this.#names);
    apply(this.#durable);
  }

  sync(): void {
    for (const apply of this.#changes) {
      apply(this.#durable);
    }
    this.#changes = [];
  }

  /** The directory after a power cut, with copies of everything in it. */
  afterCrash(choices: CrashChoices): DiskDirectory {
    const names = new Map(this.#durable);
    if (this.#changes.length > 0) {
      for (const apply of this.#changes.slice(0, choices.names(this.#changes.length))) {
        apply(names);
      }
    }
    return copyOf(names, (node) => node.afterCrash(choices));
  }

  /** A directory with copies of everything, on which all names are durable. */
  clone(): DiskDirectory {
    return copyOf(this.#names, (node) => node.clone());
  }
}

/** Two names of one file keep sharing it. */
function copyOf(names: Names, copy: (node: DiskNode) => DiskNode): DiskDirectory {
  const copies = new Map<DiskNode, DiskNode>();
  const copied: Names = new Map();
  for (const [name, node] of names) {
    const made = copies.get(node) ?? copy(node);
    copies.set(node, made);
    copied.set(name, made);
  }
  return new DiskDirectory(copied);
}
