import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { received } from "../examples/frames.ts";

const folder = new URL("../../", import.meta.url);
const readme = readFileSync(new URL("README.md", folder), "utf8");

describe("the README", () => {
  it("shows the example as it is run here", () => {
    const example = readFileSync(new URL("examples/frames.ts", folder), "utf8");
    expect(readme).toContain(`\`\`\`ts\n${example}\`\`\``);
    expect(received).toEqual(["42 hello"]);
  });
});
