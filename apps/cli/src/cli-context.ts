import type { Terminal } from "./terminal.ts";

/** What the commands of one run share. */
export class CliContext {
  readonly terminal: Terminal;
  /** What the run ends with unless it fails. */
  exitCode = 0;

  constructor(terminal: Terminal) {
    this.terminal = terminal;
  }
}
