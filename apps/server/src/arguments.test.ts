import { describe, expect, it } from "vitest";
import { parseServerCommand } from "./arguments.ts";

describe("the command line of the server", () => {
  it("takes a file and overrides", () => {
    const argv = ["--config", "a.yaml", "--node-id", "3", "--listen", "h:1", "--log-level=warn"];
    expect(parseServerCommand(argv)).toEqual({
      kind: "run",
      file: "a.yaml",
      isCheck: false,
      flags: { nodeId: "3", dataDir: undefined, listen: "h:1", logLevel: "warn" },
    });
  });

  it("checks only when it is told to", () => {
    expect(parseServerCommand(["--config", "a", "--check"])).toMatchObject({ isCheck: true });
  });

  it.each([
    ["no file", []],
    ["an unknown flag", ["--config", "a", "--colour"]],
    ["a flag without its value", ["--config"]],
    ["a word too many", ["--config", "a", "now"]],
  ])("is wrong with %s", (_name, argv) => {
    expect(parseServerCommand(argv).kind).toBe("wrong");
  });

  it("asks for help whatever else it says", () => {
    expect(parseServerCommand(["--help"]).kind).toBe("help");
  });
});
