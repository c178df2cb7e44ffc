/** Exit codes of the server process. They are part of its interface and never change; the README explains each. */
export const ExitCode = {
  ok: 0,
  unexpected: 1,
  config: 2,
  dataDirectory: 3,
  group: 4,
  listen: 5,
  stopTimeout: 6,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

const MEANINGS: Readonly<Record<number, string>> = {
  [ExitCode.ok]: "stopped cleanly",
  [ExitCode.unexpected]: "an unexpected error",
  [ExitCode.config]: "wrong arguments or configuration",
  [ExitCode.dataDirectory]: "the data directory was refused",
  [ExitCode.group]: "a group cannot be served",
  [ExitCode.listen]: "the address cannot be listened on",
  [ExitCode.stopTimeout]: "stopping took too long",
};

/** What an exit code of the server says, for a person. */
export function describeExitCode(code: number): string {
  return MEANINGS[code] ?? "unknown exit code";
}
