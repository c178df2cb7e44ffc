// Generates src/gen from proto/ of the package in the current directory. Plain JavaScript, because it runs
// before anything is built.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { adaptToCodec } from "./adapt-to-codec.mjs";

const binDir = fileURLToPath(new URL("../../node_modules/.bin", import.meta.url));
const outDir = join("src", "gen");

const pluginOptions = [
  "annotateFilesWithVersion=false",
  "enumsAsLiterals=true",
  "env=both",
  "esModuleInterop=true",
  "forceLong=number",
  "importSuffix=.ts",
  "outputJsonMethods=false",
  "outputServices=generic-definitions",
];

rmSync(outDir, { recursive: true, force: true });
if (existsSync("proto")) {
  generate();
  adaptAll();
}

function generate() {
  const config = { version: "v2", modules: [{ path: "proto" }] };
  const template = {
    version: "v2",
    plugins: [{ local: join(binDir, "protoc-gen-ts_proto"), out: outDir, opt: pluginOptions }],
  };
  const { status, error } = spawnSync(
    join(binDir, "buf"),
    ["generate", "--config", JSON.stringify(config), "--template", JSON.stringify(template)],
    { stdio: "inherit" },
  );
  if (error !== undefined) {
    throw error;
  }
  if (status !== 0) {
    process.exit(status ?? 1);
  }
}

function adaptAll() {
  for (const file of readdirSync(outDir, { recursive: true })) {
    if (file.endsWith(".ts")) {
      const path = join(outDir, file);
      writeFileSync(path, adaptToCodec(readFileSync(path, "utf8"), path));
    }
  }
}
