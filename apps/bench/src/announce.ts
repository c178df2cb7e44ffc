/**
 * Tells the parent process where this one serves, and ends this process with its parent, which holds the other end of
 * the channel.
 */
export function announce(address: unknown): void {
  process.on("disconnect", () => {
    // Not process.exit: it joins the threads that compile, and one of them may wait for this one to collect garbage
    // (Node 26.10 was seen to hang like that). There is nothing left to be done here.
    process.kill(process.pid, "SIGKILL");
  });
  process.send?.(address);
}
