import { startCluster } from "../../src/index.ts";
import { QUICK } from "./scratch.ts";

// A launcher that does nothing about its end: what becomes of the servers then is up to them.
const [directory = ""] = process.argv.slice(2);
const cluster = await startCluster({ directory, nodeCount: 2, settings: QUICK });
process.stdout.write(`${JSON.stringify(cluster.nodes.map(({ pid }) => pid))}\n`);
