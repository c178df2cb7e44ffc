import { createServer } from "node:net";
import { ServerError } from "../server-error.ts";

const LAST_PORT = 0xffff;

/** The first port from `from` on that nobody listens on and that is not in `except`. */
export async function findFreePort(
  host: string,
  from: number,
  except: ReadonlySet<number>,
): Promise<number> {
  for (let port = from; port <= LAST_PORT; port++) {
    if (!except.has(port) && (await isFree(host, port))) {
      return port;
    }
  }
  throw new ServerError({ code: "DT_SERVER_NO_PORT", host, from });
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
