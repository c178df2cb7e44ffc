import { readFileSync } from "node:fs";

/** What a process needs besides the sockets of a workload. */
const OTHER_FILES = 100;

/** How many files a process may have open; null where the system does not tell. */
export function openFilesLimit(): number | null {
  try {
    const line = /^Max open files +(\d+)/mu.exec(readFileSync("/proc/self/limits", "utf8"));
    return line === null ? null : Number(line[1]);
  } catch {
    // Another system: the workload will say itself what fails.
    return null;
  }
}

/** What stands against so many connections in one process; null when nothing does. */
export function openFilesProblem(connections: number, limit: number | null): string | null {
  const needed = connections + OTHER_FILES;
  return limit === null || needed <= limit
    ? null
    : `${connections} connections need ${needed} open files in each process, the limit is ${limit}: ` +
        `raise it with "ulimit -n ${needed}" or take fewer with --connections ${limit - OTHER_FILES}`;
}
