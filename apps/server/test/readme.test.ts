import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { DEFAULT_FILE_LOG_OPTIONS } from "@dt/raft-log-file";
import { DEFAULT_GROUP_OPTIONS } from "@dt/raft";
import { DEFAULTS } from "@dt/rpc";
import { parseConfig } from "../src/config/load-config.ts";
import { SECTIONS } from "../src/config/schema.ts";
import { ExitCode } from "../src/index.ts";

const README = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const SOURCE = readFileSync(new URL("../../src/server-error.ts", import.meta.url), "utf8");

function section(heading: string): string {
  return README.split(`## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
}

function rows(heading: string): string[][] {
  return section(heading)
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("|---"))
    .slice(1)
    .map((line) => line.split("|").map((cell) => cell.trim().replaceAll("`", "")));
}

describe("the README", () => {
  it("has an example that can be used", () => {
    const yaml = /```yaml\n([\s\S]*?)```/u.exec(section("Example"))?.[1] ?? "";
    const config = parseConfig(yaml, "/etc/dt/server.yaml");
    expect(config).toMatchObject({ nodeId: 2, dataDir: "/var/lib/dt", clusterId: "prod" });
    expect(config.members).toHaveLength(3);
  });

  it("lists every key of the configuration", () => {
    const keys = Object.entries(SECTIONS).flatMap(([name, schema]) => {
      const inner = "unwrap" in schema ? schema.unwrap() : schema;
      return "shape" in inner && name !== "listen"
        ? Object.keys(inner.shape).map((key) => `${name}.${key}`)
        : [name];
    });
    expect(new Set(rows("Options").map(([, key]) => key))).toEqual(new Set(keys));
  });

  it("gives the defaults that the packages have", () => {
    const defaults: Readonly<Record<string, unknown>> = {
      ...DEFAULTS,
      ...DEFAULT_GROUP_OPTIONS,
      ...DEFAULT_FILE_LOG_OPTIONS,
    };
    const documented = rows("Options")
      .filter(([, key = ""]) => /^(?:raft|limits|storage)\./u.test(key))
      .map(([, key = "", value]) => [key, value]);
    const actual = documented.map(([key = ""]) => [key, String(defaults[key.split(".")[1] ?? ""])]);
    expect(documented).toEqual(actual);
  });

  it("lists every exit code", () => {
    const codes = rows("Exit codes").map(([, code]) => code);
    expect(codes).toEqual([...Object.values(ExitCode).map(String), "128 + n"]);
  });

  it("lists every error code", () => {
    const codes = [...SOURCE.matchAll(/code: "(DT_SERVER_[A-Z_]+)"/gu)].map(([, code]) => code);
    expect(rows("Errors").map(([, code]) => code)).toEqual([...new Set(codes)]);
  });
});
