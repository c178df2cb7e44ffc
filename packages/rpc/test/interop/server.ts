// Run as a process of its own: the server that clients in other languages are tried against. Prints its port.
import { createInteropServer } from "./target.ts";

const server = createInteropServer({ maxFrameBytes: 4096 });
const address = await server.listen({ host: "127.0.0.1", port: 0 });
process.stdout.write(`${JSON.stringify(address)}\n`);
process.stdin.resume();
process.stdin.on("end", () => {
  void server.close();
});
