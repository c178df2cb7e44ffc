import { mkdtempSync, rmSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ByteWriter } from "@dt/codec";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { RecordingReader, TrafficRecorder } from "../src/index.ts";
import { writeRecord, writeRecordingHeader } from "../src/recording/recorded-frame.ts";
import { createInteropServer } from "./interop/target.ts";
import { LOOPBACK } from "./support/pair.ts";
import { conversation } from "./support/protocol-page.ts";
import { rawClient } from "./support/raw-peer.ts";
import { until } from "./support/until.ts";
import type { RecordedFrame } from "../src/index.ts";

const directory = mkdtempSync(join(tmpdir(), "dt-rpc-protocol-"));

afterAll(() => {
  rmSync(directory, { recursive: true });
});

const VECTORS = conversation("Recordings");
const [HEADER, ...RECORDS] = VECTORS.map(({ hex }) => hex);

/** What differs from one recording to the next: crc, time and the time that a request has left. */
function withoutTimes(record: string): string {
  const isRequest = record.slice(16, 18) === "01";
  const word = isRequest ? "xxxxxxxx" : record.slice(48, 56);
  return `${record.slice(0, 8)} crc ${record.slice(16, 48)} ${word} time ${record.slice(72)}`;
}

describe("PROTOCOL.md", () => {
  test("has a recording as it is read, from which the same bytes can be written", async () => {
    const file = join(directory, "page.rec");
    await writeFile(file, Buffer.from(VECTORS.map(({ hex }) => hex).join(""), "hex"));
    const reader = await RecordingReader.open(file);
    const frames: RecordedFrame[] = [];
    for (let next = await reader.next(); next !== null; next = await reader.next()) {
      frames.push(next);
    }
    await reader.close();
    expect(frames.map(({ kind, atMicros }) => [kind, atMicros])).toEqual([
      [1, 1500],
      [2, 2000],
      [3, 2500],
      [1, 3000],
      [2, 4000],
    ]);
    expect(frames[0]).toMatchObject({ command: 256, groupId: 5, connection: 1, seq: 1, word: 0 });
    expect(frames[3]).toMatchObject({ command: 258, connection: 2, word: 3_600_000_000 });
    expect(frames[4]).toMatchObject({ code: "NOT_HERE", word: 9, body: Buffer.alloc(0) });
    const writer = new ByteWriter();
    writeRecordingHeader(writer, reader.startedUnixMs);
    for (const { kind, command, groupId, connection, seq, word, atMicros, code, body } of frames) {
      const { length } = body;
      writeRecord(
        writer,
        kind,
        command,
        groupId,
        connection,
        seq,
        word,
        atMicros,
        code,
        body,
        0,
        length,
      );
    }
    expect(writer.buf.toString("hex", 0, writer.pos)).toBe([HEADER, ...RECORDS].join(""));
  });

  test("has the records that a recorder makes of such requests", async () => {
    const file = join(directory, "recorded.rec");
    const recorder = await TrafficRecorder.create(file);
    const server = createInteropServer({}, { interceptors: [recorder] });
    onTestFinished(() => server.close());
    const address = await server.listen(LOOPBACK);
    const first = await rawClient(address);
    first.send("00000012 11 01 0100 00000001 00000000 00000005 6869");
    await first.frame();
    first.send("0000000e 13 00 0103 00000000 00000000 6869");
    await until(() => recorder.stats.recorded === 3, "the one-way");
    const second = await rawClient(address);
    second.send("0000000c 11 00 0102 00000001 d693a400");
    await second.frame();
    await recorder.close();
    const recorded = (await readFile(file)).toString("hex");
    const startedBytes = 2 * 12;
    expect(recorded.slice(0, startedBytes)).toBe(HEADER?.slice(0, startedBytes));
    let at = 2 * 24;
    const records = RECORDS.map((record) => {
      at += record.length;
      return withoutTimes(recorded.slice(at - record.length, at));
    });
    expect(records).toEqual(RECORDS.map(withoutTimes));
    expect(recorded).toHaveLength(at);
  });
});
