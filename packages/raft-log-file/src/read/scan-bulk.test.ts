import { crc32 } from "@dt/codec";
import { scanRecords } from "@dt/raft";
import { SimRandom } from "@dt/raft/testing";
import { expect, test } from "vitest";
import { EntryMaker } from "../testing/entry-maker.ts";
import { shiftCrc } from "./crc-shift.ts";
import { scanBulk } from "./scan-bulk.ts";

/** Records of several terms with payloads of all kinds of sizes. */
function records(random: SimRandom): Buffer {
  const maker = new EntryMaker();
  for (let term = 1; term <= 3; term++) {
    const payloads = Array.from({ length: 40 }, () => {
      const payload = Buffer.alloc(random.int(0, random.chance(0.1) ? 5000 : 300));
      return payload.map(() => random.int(0, 255)) as Buffer;
    });
    maker.entries(term, payloads);
  }
  return Buffer.concat(maker.records);
}

test("a shifted sum and that of what follows make the sum of both", () => {
  const random = new SimRandom(1);
  for (const length of [0, 1, 2, 3, 8, 31, 32, 255, 256, 1000, 70_000, 1_048_577]) {
    const bytes = Buffer.alloc(50 + length).map(() => random.int(0, 255)) as Buffer;
    const combined = shiftCrc(crc32(bytes, 0, 50), length) ^ crc32(bytes, 50, 50 + length);
    expect(combined >>> 0).toBe(crc32(bytes, 0, bytes.length));
  }
});

test("good records are found as one by one, from any of them on", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const bytes = records(new SimRandom(seed));
    const whole = scanRecords(bytes, 0, bytes.length, 0, 0, 0);
    expect(whole.fault).toBeNull();
    expect(whole.batches).toHaveLength(3);
    expect(scanBulk(bytes, 0, bytes.length, 0, 0, 0)).toEqual(whole);
    // Behind the first term, and with bytes in front.
    const [first] = whole.batches;
    const from = first?.bytes.length ?? 0;
    const rest = [from, bytes.length, first?.lastIndex ?? 0, 1, first?.chain ?? 0] as const;
    expect(scanBulk(bytes, ...rest)).toEqual(scanRecords(bytes, ...rest));
  }
});

test("any wrong bit, wherever it is, and a wrong start are found as one by one", () => {
  const random = new SimRandom(5);
  const good = records(random);
  for (let round = 0; round < 3000; round++) {
    const bytes = Buffer.from(good);
    for (let flips = random.int(1, 3); flips > 0; flips--) {
      const at = random.int(0, bytes.length - 1);
      bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << random.int(0, 7)), at);
    }
    const slow = scanRecords(bytes, 0, bytes.length, 0, 0, 0);
    expect(scanBulk(bytes, 0, bytes.length, 0, 0, 0).fault).toEqual(slow.fault);
  }
  expect(scanBulk(good, 0, good.length, 0, 0, 7).fault).toMatchObject({ reason: "chain", at: 0 });
  expect(scanBulk(good, 0, good.length, 1, 0, 0).fault).not.toBeNull();
});

test("a record that was left out, put elsewhere or is of another log is found", () => {
  const good = records(new SimRandom(8));
  const other = records(new SimRandom(9));
  const [first] = scanRecords(good, 0, good.length, 0, 0, 0).batches;
  const half = first?.bytes.length ?? 0;
  const mixed = Buffer.concat([good.subarray(0, half), other.subarray(-(other.length >> 1))]);
  expect(scanBulk(mixed, 0, mixed.length, 0, 0, 0).fault).toEqual(
    scanRecords(mixed, 0, mixed.length, 0, 0, 0).fault,
  );
});

test("a wrong length that is larger than any record, and still within what was read, is found as one by one", () => {
  const good = records(new SimRandom(11));
  const bytes = Buffer.alloc(50 << 20);
  good.copy(bytes);
  for (const wrongBytes of [(32 << 20) + 40, 40 << 20, 50 << 20]) {
    bytes.writeUInt32BE(wrongBytes, 0);
    const slow = scanRecords(bytes, 0, bytes.length, 0, 0, 0);
    expect(slow.fault).not.toBeNull();
    expect(scanBulk(bytes, 0, bytes.length, 0, 0, 0)).toEqual(slow);
  }
});
