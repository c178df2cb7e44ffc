import { expect, test } from "vitest";
import { readInto, syncFile, writeFrom } from "../file-io.ts";
import type { StoredFile } from "../file-system.ts";
import { FaultInjector } from "./fault-injector.ts";
import { FaultyDisk } from "./faulty-disk.ts";

async function fixture(): Promise<{ injector: FaultInjector; file: StoredFile; disk: FaultyDisk }> {
  const disk = new FaultyDisk();
  const injector = new FaultInjector(disk);
  return { injector, disk, file: await injector.open("/a", "create") };
}

const write = (file: StoredFile, text: string, position: number): Promise<void> =>
  writeFrom(file, Buffer.from(text), 0, text.length, position);

test("fails the chosen calls only, and none when cleared", async () => {
  const { injector, file } = await fixture();
  injector.inject({ operation: "sync", path: "a", after: 1, count: 2, error: "EIO" });
  await syncFile(file);
  await expect(syncFile(file)).rejects.toMatchObject({ code: "EIO" });
  await expect(syncFile(file)).rejects.toMatchObject({ code: "EIO" });
  await syncFile(file);
  expect(injector.hits).toBe(2);
  injector.inject({ operation: "open", path: "b", error: "EACCES" });
  await expect(injector.open("/b", "create")).rejects.toMatchObject({ code: "EACCES" });
  injector.clear();
  await (await injector.open("/b", "create")).close();
});

test("fails a close, and has closed", async () => {
  const { injector, file, disk } = await fixture();
  injector.inject({ operation: "close", path: "a", error: "EIO" });
  await expect(file.close()).rejects.toMatchObject({ code: "EIO" });
  expect(disk.openFiles).toBe(0);
  expect(injector.hits).toBe(1);
});

test("shortens reads and writes, which go on", async () => {
  const { injector, file, disk } = await fixture();
  injector.inject({ operation: "write", shortTo: 2 });
  injector.inject({ operation: "read", shortTo: 1 });
  await write(file, "abcdef", 0);
  expect(disk.contentOf("/a").toString()).toBe("abcdef");
  const into = Buffer.alloc(6);
  expect(await readInto(file, into, 0, 6, 0)).toBe(6);
  expect(into.toString()).toBe("abcdef");
  expect(injector.hits).toBe(9);
});

test("meets only growth where that is wanted, also through another handle and another name", async () => {
  const { injector, file } = await fixture();
  await write(file, "abc", 0);
  await injector.rename("/a", "/c");
  const other = await injector.open("/c", "write");
  injector.inject({ operation: "write", error: "ENOSPC", isGrowth: true });
  await write(other, "xyz", 0);
  await expect(write(other, "xyz", 1)).rejects.toMatchObject({ code: "ENOSPC" });
  await expect(write(file, "d", 3)).rejects.toMatchObject({ code: "ENOSPC" });
});

test("delays a call", async () => {
  const { injector, file } = await fixture();
  injector.inject({ operation: "sync", delayMs: 20, count: 1 });
  const order: string[] = [];
  await Promise.all([
    syncFile(file).then(() => order.push("slow")),
    syncFile(file).then(() => order.push("fast")),
  ]);
  expect(order).toEqual(["fast", "slow"]);
});
