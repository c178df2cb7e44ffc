import { BatchBuilder, EntryType, type Write } from "@dt/raft";
import { DataDirectory } from "@dt/raft-log-file";

const data = await DataDirectory.open({ path: "./node-1", clusterId: "demo", nodeId: 1 });
const log = data.log(1);
const { lastIndex, lastChain, hardState } = await log.open();
const term = hardState.term + 1;
const builder = new BatchBuilder(1 << 16);
builder.add(EntryType.normal, 0, Buffer.from("hello"), 0, 5);
const batches = builder.seal(lastIndex + 1, term, Date.now(), lastChain);
const io = { term, sequence: 1 };
const change = { hardState: { ...hardState, term }, reset: null, truncateFrom: 0 };
const write: Write = { io, ...change, batches };
await new Promise<void>((stored, refused) => log.write(write, (e) => (e ? refused(e) : stored())));
const [batch] = await log.read(lastIndex + 1, lastIndex + 1, 1024);
process.stdout.write(`${batch?.firstIndex}: ${batch?.bytes.toString("utf8", 40, 45)}\n`);
await data.close();
