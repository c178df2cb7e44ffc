import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type * as Testing from "@dt/raft/testing";
import type { Patch } from "./historical-bugs.ts";

/** The built package: the folder above `dist/src/testing/index.js`. */
const PACKAGE = fileURLToPath(new URL("../../../", import.meta.resolve("@dt/raft/testing")));

/** A copy of the built package in a directory of its own, with changes; remove it when done. */
export class PatchedCopy {
  readonly #directory: string;

  /** Throws when a patch does not fit the code any more: then the bug has to be planted anew. */
  constructor(patches: readonly Patch[]) {
    this.#directory = mkdtempSync(join(tmpdir(), "dt-exam-"));
    try {
      this.#fill(patches);
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** The copy's simulator around the copy's core. */
  async load(): Promise<typeof Testing> {
    const url = pathToFileURL(join(this.#directory, "dist/src/testing/index.js")).href;
    return (await import(url)) as typeof Testing;
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #fill(patches: readonly Patch[]): void {
    const from = join(PACKAGE, "dist/src");
    const to = join(this.#directory, "dist/src");
    cpSync(from, to, {
      recursive: true,
      filter: (path) => !path.includes(".test.") && !/\.(?:map|d\.ts)$/u.test(path),
    });
    symlinkSync(join(PACKAGE, "node_modules"), join(this.#directory, "node_modules"));
    writeFileSync(join(this.#directory, "package.json"), '{ "type": "module" }\n');
    for (const { file, find, replace } of patches) {
      const path = join(to, file);
      mkdirSync(dirname(path), { recursive: true });
      const text = readFileSync(path, "utf8");
      const count = text.split(find).length - 1;
      if (count !== 1) {
        throw new Error(`${file} holds ${count} times, not once: ${find}`);
      }
      writeFileSync(
        path,
        text.replace(find, () => replace),
      );
    }
  }
}
