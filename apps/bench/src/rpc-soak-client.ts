// The client process of `dt bench rpc-soak`: argv[2] is a SoakClientOptions as JSON.
import { randomInt } from "node:crypto";
import { RpcError } from "@dt/rpc";
import { announce } from "./announce.ts";
import { pause, runClosedLoop } from "./closed-loop.ts";
import type { HostPort } from "./echo-caller.ts";
import { sampleMemory } from "./memory-sample.ts";
import type { SoakClientSample } from "./rpc-soak-bench.ts";
import { SoakLoad } from "./soak-load.ts";

export interface SoakClientOptions {
  readonly address: HostPort;
  readonly connections: number;
  readonly size: number;
  /** Share of what the connections can carry, measured first. */
  readonly load: number;
}

const CALIBRATION = { inFlight: 500, warmUpMs: 1000, measureMs: 1000, sampleEvery: 8 };
const CUT = new RpcError({ code: "DT_RPC_SOCKET", errno: "CUT" });

const options = JSON.parse(process.argv[2] ?? "{}") as SoakClientOptions;
const load = await SoakLoad.open(options);
const { opsPerSec } = await runClosedLoop(() => load.call(), CALIBRATION);
const ratePerSec = Math.round(opsPerSec * options.load);
let isOver = false;
const paced = load.keepPace(ratePerSec, () => isOver);

async function sample(): Promise<SoakClientSample> {
  const memory = await load.whileQuiet(sampleMemory);
  return { memory, connections: load.openConnections, ...load.tally() };
}

async function answer(question: unknown): Promise<void> {
  if (question === "cut") {
    const connection = load.clients[randomInt(load.clients.length)]?.connection;
    connection?.destroy(CUT);
    return;
  }
  if (question === "finish") {
    isOver = true;
    await paced;
    await load.close();
    // Handles leave the list of resources a turn after their end was reported.
    await pause(100);
  }
  process.send?.(await sample());
}

process.on("message", (question) => void answer(question));
announce(ratePerSec);
