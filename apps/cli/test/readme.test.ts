import { readFileSync } from "node:fs";
import { PassThrough, Readable } from "node:stream";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { CliContext } from "../src/cli-context.ts";
import { CliExit } from "../src/exit-code.ts";
import { createProgram } from "../src/program.ts";

const README = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const SOURCE = readFileSync(new URL("../../src/cli-error.ts", import.meta.url), "utf8");

function firstCells(heading: string): string[] {
  const section = README.split(`## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  return section
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("|---"))
    .slice(1)
    .map((line) => (line.split("|")[1] ?? "").trim().replaceAll("`", ""));
}

async function program(): Promise<Command> {
  const stdin = Readable.from([]);
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  return createProgram([], new CliContext({ env: {}, cwd: "/", stdin, stdout, stderr }));
}

/** Names of the commands that do something, such as `kv put`. */
function leaves(command: Command, name: string): string[] {
  const children = command.commands.filter((child) => child.name() !== "help");
  return children.length === 0
    ? [name]
    : children.flatMap((child) => leaves(child, `${name} ${child.name()}`));
}

describe("the README", () => {
  it("lists every command", async () => {
    const listed = firstCells("Commands").map((cell) =>
      cell
        .split(" ")
        .filter((word) => /^[a-z]+$/u.test(word))
        .join(" "),
    );
    const commands = leaves(await program(), "dt").map((name) =>
      name.replace(/bench .*/u, "bench"),
    );
    expect(listed.toSorted()).toEqual([...new Set(commands)].toSorted());
  });

  it("has examples that the program understands", async () => {
    const dt = await program();
    for (const [, line = ""] of README.matchAll(/^npx dt ([^#\n]*)/gmu)) {
      const words = line.trim().split(" ");
      let command = dt;
      for (
        let child = find(command, words[0]);
        child !== undefined;
        child = find(command, words[0])
      ) {
        command = child;
        words.shift();
      }
      const { unknown, operands } = command.parseOptions(words);
      expect({ line, unknown }).toEqual({ line, unknown: [] });
      const required = command.registeredArguments.filter((argument) => argument.required);
      expect(operands.length).toBeGreaterThanOrEqual(required.length);
    }
  });

  it("lists every exit code", () => {
    expect(firstCells("Exit codes")).toEqual(Object.values(CliExit).map(String));
  });

  it("lists every error code", () => {
    const codes = [...SOURCE.matchAll(/code: "(DT_CLI_[A-Z_]+)"/gu)].map(([, code]) => code);
    expect(firstCells("Errors")).toEqual([...new Set(codes)]);
  });
});

function find(command: Command, name: string | undefined): Command | undefined {
  return command.commands.find((child) => child.name() === name);
}
