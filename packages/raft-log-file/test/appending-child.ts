// Appends to the log in the directory given, and prints the last index of each write that is acknowledged.
import { writeSync } from "node:fs";
import { DataDirectory } from "../src/directory/data-directory.ts";
import { EntryMaker } from "./entry-maker.ts";
import { payloadOf } from "./payload.ts";

const [path = ""] = process.argv.slice(2);
const data = await DataDirectory.open({ path, clusterId: "kill", nodeId: 1 });
const log = data.log(1, { segmentBytes: 256 << 10 });
const state = await log.open();
const maker = new EntryMaker();
let { lastIndex, lastChain } = state;
let isFirst = true;

function append(): void {
  const count = 1 + (lastIndex % 7);
  const payloads = Array.from({ length: count }, (_, i) => payloadOf(lastIndex + 1 + i));
  const batches = maker.entriesAfter(lastIndex, lastChain, 1, payloads);
  lastIndex += count;
  lastChain = batches.at(-1)?.chain ?? lastChain;
  const acked = lastIndex;
  const hardState = isFirst ? { term: 1, vote: 1, commitIndex: 0 } : null;
  isFirst = false;
  log.write(maker.write(batches, 0, hardState), (error) => {
    if (error !== null) {
      throw error;
    }
    // Synchronous: the line is in the pipe before the next thing happens.
    writeSync(1, `${acked}\n`);
    append();
  });
}

// Several writes are always under way.
for (let i = 0; i < 8; i++) {
  append();
}
