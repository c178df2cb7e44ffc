// Makes a data directory as a power cut leaves it, in the format of the journal that this program writes; once for each.
// Run: node dist/test/golden/make-golden-journal.js test/golden/journal-v<version>
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DataDirectory } from "../../src/directory/data-directory.ts";
import { EntryMaker, store } from "../entry-maker.ts";
import { GOLDEN_CLUSTER, GOLDEN_NODE, JOURNALED_ENTRIES, journaledPayload } from "./golden-log.ts";

/** About three flushes: what the segments lose of those that are in the journal. */
const LOST_BYTES = 500;

const [target = ""] = process.argv.slice(2);
const live = join(target, "live");
mkdirSync(target); // Fails for one that exists: what was made is not made again.
const data = await DataDirectory.open(
  { path: live, clusterId: GOLDEN_CLUSTER, nodeId: GOLDEN_NODE },
  { journal: { hotFlushes: 1, fileBytes: 192 << 10 } },
);
const [first, ...logs] = [3, 1, 2].map((groupId) => ({
  groupId,
  log: data.log(groupId, { segmentBytes: 16 << 10 }),
  maker: new EntryMaker(),
}));
for (const each of [first, ...logs]) {
  await each?.log.open();
}
// The journal is made with its first use: from then on everything goes there.
while (first !== undefined && data.sharedSyncs.syncs === 0) {
  await store(first.log, first.maker.write(first.maker.filled(1, 1, 10)));
}
for (let index = 1; index <= JOURNALED_ENTRIES; index++) {
  const hardState = index === 1 ? { term: 1, vote: GOLDEN_NODE, commitIndex: 0 } : null;
  await Promise.all(
    logs.map(({ groupId, log, maker }) =>
      store(log, maker.write(maker.entries(1, [journaledPayload(groupId, index)]), 0, hardState)),
    ),
  );
}
const unused = /LOCK|next\.tmp|journal-1/;
cpSync(live, join(target, "data"), { recursive: true, filter: (path) => !unused.test(path) });
await data.close();
rmSync(live, { recursive: true });
for (const { groupId } of logs) {
  const path = join(target, "data", String(groupId), "log", "00000000000000000001.log");
  const bytes = readFileSync(path);
  const end = bytes.findLastIndex((byte) => byte !== 0) + 1;
  writeFileSync(path, bytes.fill(0, end - LOST_BYTES, end));
}
