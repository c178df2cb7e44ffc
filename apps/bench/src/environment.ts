import { execFileSync } from "node:child_process";
import { cpus, release, totalmem, type } from "node:os";
import { fileURLToPath } from "node:url";

/** Where a figure was measured. */
export interface Environment {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly node: string;
  readonly os: string;
  /** What an acknowledged write has been through: "fsync", "os" or "none". */
  readonly fsync: string;
  /** Revision of the measured code, with "+" behind it when the work tree differs; empty when not known. */
  readonly commit: string;
  readonly date: string;
}

export function describeEnvironment(fsync: string): Environment {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? "unknown",
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    os: `${type()} ${release()}`,
    fsync,
    commit: revision(),
    date: new Date().toISOString().slice(0, 10),
  };
}

function revision(): string {
  try {
    return git("rev-parse", "--short", "HEAD") + (git("status", "--porcelain") === "" ? "" : "+");
  } catch {
    // Run outside of a checkout, or without git: the figure then has no revision.
    return "";
  }
}

function git(...args: string[]): string {
  const cwd = fileURLToPath(new URL(".", import.meta.url));
  return execFileSync("git", args, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  }).trim();
}
