// The server process of `dt bench rpc-soak`: notes each call it handles, and cuts a connection when told to.
import { randomInt } from "node:crypto";
import { RpcError, RpcServer } from "@dt/rpc";
import { announce } from "./announce.ts";
import { sampleMemory } from "./memory-sample.ts";
import type { SoakServerSample } from "./rpc-soak-bench.ts";
import { SerialWindow } from "./serial-window.ts";
import { NOTED_ECHO_COMMAND, WAS_NOTED_COMMAND, readSerial } from "./soak-protocol.ts";

const WINDOW = 2 ** 24;
const YES = Buffer.of(1);
const NO = Buffer.of(0);
const CUT = new RpcError({ code: "DT_RPC_SOCKET", errno: "CUT" });

const server = new RpcServer();
const noted = new SerialWindow(WINDOW);
let doubled = 0;
let cuts = 0;
server.commands.on(NOTED_ECHO_COMMAND, (request, body, start, end) => {
  if (!noted.add(readSerial(body, start))) {
    doubled++;
  }
  request.replyBytes(body.subarray(start, end));
});
server.commands.on(WAS_NOTED_COMMAND, (request, body, start) => {
  request.replyBytes(noted.has(readSerial(body, start)) ? YES : NO);
});
process.on("message", (question) => {
  if (question === "cut") {
    const connections = [...server.connections];
    if (connections.length > 0) {
      // An unexpected end as the other side sees it: no goodbye, and what was buffered is lost.
      connections[randomInt(connections.length)]?.destroy(CUT);
      cuts++;
    }
    return;
  }
  void sampleMemory().then((memory) => {
    const { connectionsOpened, connectionsClosed } = server.counters;
    const open = connectionsOpened - connectionsClosed;
    process.send?.({ memory, connections: open, doubled, cuts } satisfies SoakServerSample);
  });
});
announce(await server.listen({ host: "127.0.0.1", port: 0 }));
