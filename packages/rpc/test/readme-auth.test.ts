import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { RpcServer, anonymousAuth } from "../src/index.ts";

const packageRoot = new URL("../../", import.meta.url);
const readme = await readFile(new URL("README.md", packageRoot), "utf8");

test("the example of authentication in the README is the one that runs", async () => {
  const source = await readFile(new URL("test/readme-auth-example.ts", packageRoot), "utf8");
  expect(readme).toContain(`\`\`\`ts\n${source}\`\`\``);
  const compiled = fileURLToPath(new URL("dist/test/readme-auth-example.js", packageRoot));
  const { stdout } = await promisify(execFile)(process.execPath, [compiled]);
  expect(stdout).toBe("hello alice\n");
});

test.each(["maxLoginFailures", "loginFailureMs", "maxLoginAddresses"])(
  "the README names %s, and the server knows it",
  (option) => {
    expect(readme).toContain(`\`${option}\``);
    const auth = { mechanisms: [anonymousAuth()], [option]: 0 };
    expect(() => new RpcServer({ auth })).toThrow(`auth.${option}: 0 is not`);
  },
);
