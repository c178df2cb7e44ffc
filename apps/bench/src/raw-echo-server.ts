// The other process of the raw ceiling: a plain socket server that sends frames back.
import { createServer } from "node:net";
import { announce } from "./announce.ts";
import { RawBounce } from "./raw-bounce.ts";

const server = createServer({ noDelay: true }, (socket) => {
  const bounce = new RawBounce(socket);
  socket.on("error", () => {
    bounce.isStopped = true;
  });
});
server.listen(0, "127.0.0.1", () => {
  announce(server.address());
});
