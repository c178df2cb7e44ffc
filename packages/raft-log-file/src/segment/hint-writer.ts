import { hintPath } from "../directory/log-directory.ts";
import { removeIfThere, writeFrom } from "../file-io.ts";
import type { FileSystem } from "../file-system.ts";
import { encodeHint } from "../format/index-hint.ts";
import type { Segment } from "./segment.ts";

/** Writes the hints of segments that got a successor, one after the other, in the background. */
export class HintWriter {
  readonly #fileSystem: FileSystem;
  #last: Promise<void> = Promise.resolve();

  constructor(fileSystem: FileSystem) {
    this.#fileSystem = fileSystem;
  }

  write(segment: Segment): void {
    const bytes = encodeHint(segment.hint());
    // A hint that cannot be written is one that the next open does without.
    this.#last = this.#last
      .then(() => this.#replace(hintPath(segment.path), bytes))
      .catch(() => {});
  }

  /** Makes the next open read every record of the segment. */
  remove(segment: Segment): void {
    this.#last = this.#last
      .then(() => removeIfThere(this.#fileSystem, hintPath(segment.path)))
      .catch(() => {});
  }

  /** Resolves when nothing is under way. */
  close(): Promise<void> {
    return this.#last;
  }

  async #replace(path: string, bytes: Buffer): Promise<void> {
    await removeIfThere(this.#fileSystem, path);
    const file = await this.#fileSystem.open(path, "create");
    try {
      await writeFrom(file, bytes, 0, bytes.length, 0);
    } finally {
      await file.close();
    }
  }
}
