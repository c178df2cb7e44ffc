import type { Socket } from "node:net";

/** How long a peer may take, as a rule, to read the last bytes and close its side. */
export const LINGER_MS = 1000;

/**
 * Sends the last bytes of a connection and closes it. What still arrives is read and dropped:
 * closing a socket with unread bytes would reset the connection, and the peer might never see what
 * was sent. The caller has taken its own listeners off, but for one of "error".
 */
export function closeWith(socket: Socket, bytes: Buffer | null, lingerMs: number): void {
  if (socket.destroyed) {
    return;
  }
  const timer = setTimeout(() => socket.destroy(), lingerMs).unref();
  socket.once("close", () => clearTimeout(timer));
  if (bytes === null) {
    socket.end();
  } else {
    socket.end(bytes);
  }
  socket.resume();
}
