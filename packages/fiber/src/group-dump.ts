import type { FiberState } from "./fiber.ts";

/** The state of a group at one moment; plain data. */
export interface GroupDump {
  readonly name: string;
  readonly stage: "running" | "stopping" | "ending" | "ended";
  readonly queuedTaskCount: number;
  /** In the order in which they were started. */
  readonly fibers: readonly FiberDump[];
}

export interface FiberDump {
  readonly name: string;
  readonly isDaemon: boolean;
  readonly state: FiberState;
  readonly waitingFor: string | null;
}

/** A dump as text: one line for the group, one for each fiber. */
export function formatDump(dump: GroupDump): string {
  const lines = [`group ${dump.name}: ${dump.stage}, ${dump.queuedTaskCount} queued tasks`];
  for (const fiber of dump.fibers) {
    const kind = fiber.isDaemon ? "daemon" : "fiber";
    const wait = fiber.waitingFor === null ? "" : ` for ${fiber.waitingFor}`;
    lines.push(`  ${kind} ${fiber.name}: ${fiber.state}${wait}`);
  }
  return lines.join("\n");
}
