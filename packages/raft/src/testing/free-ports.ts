import { createServer } from "node:net";

/**
 * Below what Linux, macOS and Windows hand out for outgoing connections: nobody is given such a port
 * by chance between the moment it was found free and the moment it is listened on.
 */
const FIRST_PORT = 10_000;
const LAST_PORT = 30_000;

/** Processes that run at the same time have neighbouring ids; this is how far apart they begin. */
const PORTS_PER_PROCESS = 67;

let cursor = FIRST_PORT + ((process.pid * PORTS_PER_PROCESS) % (LAST_PORT - FIRST_PORT));

/**
 * Ports of 127.0.0.1 for the nodes of a test, which have to know each other's before they listen.
 * None is given twice by one process until all have been.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = cursor;
    cursor = port < LAST_PORT ? port + 1 : FIRST_PORT;
    if (await isFree(port)) {
      ports.push(port);
    }
  }
  return ports;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => {
      server.close(() => resolve(true));
    });
  });
}
