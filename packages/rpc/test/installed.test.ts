import { execFile } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";

const run = promisify(execFile);
const packages = fileURLToPath(new URL("../../..", import.meta.url));
const pnpm = join(packages, "..", "node_modules", ".bin", "pnpm");

const PROGRAM = `
import { RpcClient, RpcServer } from "@dt/rpc";
const server = new RpcServer();
server.commands.on(256, (request, body, start, end) => request.replyBytes(body.subarray(start, end)));
const address = await server.listen({ host: "127.0.0.1", port: 0 });
const client = new RpcClient({ address });
await client.connect();
const write = (writer, text) => writer.utf8(text);
const read = (body, start, end) => body.toString("utf8", start, end);
process.stdout.write(await client.call(256, 0, 60000, write, "installed", read));
await client.close();
await server.close();
`;

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
}

/**
 * Puts what would be published where npm would put it, with those dependencies that are not of this repository.
 * Returns all that it depends on.
 */
async function install(name: string, directory: string): Promise<string[]> {
  const modules = join(directory, "node_modules");
  const target = join(modules, "@dt", name);
  const packed = join(directory, name);
  mkdirSync(target, { recursive: true });
  mkdirSync(packed);
  await run(pnpm, ["pack", "--pack-destination", packed], { cwd: join(packages, name) });
  const [tarball] = readdirSync(packed);
  await run("tar", ["-xzf", join(packed, tarball ?? ""), "-C", target, "--strip-components=1"]);
  const manifest = JSON.parse(readFileSync(join(target, "package.json"), "utf8")) as Manifest;
  const dependencies = manifest.dependencies ?? {};
  for (const [dependency, version] of Object.entries(dependencies)) {
    expect([dependency, version]).toEqual([dependency, expect.stringMatching(/^\^?\d/)]);
    if (!dependency.startsWith("@dt/")) {
      const source = join(packages, name, "node_modules", dependency);
      symlinkSync(realpathSync(source), join(modules, dependency));
    }
  }
  return Object.keys(dependencies);
}

test("the packed package runs with nothing but what it depends on", async () => {
  const directory = mkdtempSync(join(tmpdir(), "dt-rpc-installed-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  expect(await install("rpc", directory)).toEqual(["@dt/codec"]);
  expect(await install("codec", directory)).toEqual(["protobufjs"]);
  writeFileSync(join(directory, "program.mjs"), PROGRAM);
  const { stdout, stderr } = await run(process.execPath, [join(directory, "program.mjs")]);
  expect([stdout, stderr]).toEqual(["installed", ""]);
}, 60_000);
