/** Runs the command that `argv` names and resolves to the exit status. */
export async function main(argv: readonly string[]): Promise<number> {
  await Promise.resolve();
  process.stderr.write(`dt: unknown command: ${argv.join(" ") || "(none)"}\n`);
  return 2;
}
