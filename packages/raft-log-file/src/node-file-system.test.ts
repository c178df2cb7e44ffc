import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { StoredFile } from "./file-system.ts";
import { openDurable } from "./node-file-system.ts";

const BYTES = Buffer.from("durable");

function write(file: StoredFile): Promise<string | undefined> {
  return new Promise((resolve) => {
    file.write(BYTES, 0, BYTES.length, 0, (error: NodeJS.ErrnoException | null) =>
      resolve(error?.code),
    );
  });
}

function writev(file: StoredFile): Promise<string | undefined> {
  return new Promise((resolve) => {
    file.writev([BYTES], 0, (error: NodeJS.ErrnoException | null) => resolve(error?.code));
  });
}

test("a durable write is a write and a sync where the flag of the file is not enough", async () => {
  // The null device takes every write and has nothing to sync: it refuses that.
  for (const platform of ["darwin", "win32", "freebsd"] as const) {
    const file = await openDurable("/dev/null", platform);
    expect([await write(file), await writev(file)]).toEqual(["EINVAL", "EINVAL"]);
    await file.close();
  }
  const file = await openDurable("/dev/null", "linux");
  expect([await write(file), await writev(file)]).toEqual([undefined, undefined]);
  await file.close();
});

test("either way the bytes are in the file", async () => {
  const directory = await mkdtemp(join(tmpdir(), "durable-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  for (const platform of ["darwin", "linux"] as const) {
    const path = join(directory, platform);
    await writeFile(path, "");
    const file = await openDurable(path, platform);
    expect(await write(file)).toBeUndefined();
    await file.close();
    expect(await readFile(path)).toEqual(BYTES);
  }
});
