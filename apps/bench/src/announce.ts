/**
 * Tells the parent process where this one serves, and ends this process with its parent, which holds the other end of
 * the channel.
 */
export function announce(address: unknown): void {
  process.on("disconnect", () => {
    process.exit(0);
  });
  process.send?.(address);
}
