// The server process of `dt bench rpc-idle`.
import { RpcServer } from "@dt/rpc";
import { announce } from "./announce.ts";
import { sampleMemory } from "./memory-sample.ts";
import type { IdleSample } from "./rpc-idle-bench.ts";

const server = new RpcServer();
process.on("message", () => {
  void sampleMemory().then((memory) => {
    const { framesIn, framesOut, bytesIn, bytesOut } = server.counters;
    const frames = framesIn + framesOut;
    const sample: IdleSample = {
      memory,
      connections: server.connections.size,
      frames,
      bytes: bytesIn + bytesOut,
    };
    process.send?.(sample);
  });
});
announce(await server.listen({ host: "127.0.0.1", port: 0 }));
