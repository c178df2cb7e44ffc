// Entry of `npm start`, `npm test` and their siblings. Plain JavaScript without dependencies, because it
// runs before anything is installed and on whatever Node the machine has. It installs the locked
// dependencies when they changed, puts the pinned tools first on PATH, and runs the steps in order.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { pruneBuild } from "./prune-build.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const binDir = join(root, "node_modules", ".bin");
const stampFile = join(root, "node_modules", ".boot-stamp");
const repeatedSignalMs = 1_000;

const env = {
  ...process.env,
  PATH: binDir + delimiter + process.env.PATH,
  DO_NOT_TRACK: "1",
  TURBO_TELEMETRY_DISABLED: "1",
  TURBO_NO_UPDATE_NOTIFIER: "1",
  npm_config_loglevel: "error",
  npm_config_update_notifier: "false",
};

/** A named command; the name is what a failure is reported under. */
const step = (name, command, ...args) => ({ name, command, args });

const build = [
  step("build", "turbo", "run", "build", "--output-logs=errors-only", "--log-prefix=none"),
  { name: "prune", action: () => pruneBuild(root) },
];
const checks = [
  step("layers", "node", "tools/dist/src/layers/main.js"),
  step("lint", "oxlint"),
  step("format", "oxfmt", "--check"),
];

const commands = {
  start: (args) => [...build, step("start", "dt", "dev", "--nodes", "3", ...args)],
  build: () => build,
  lint: () => [...build, ...checks],
  format: () => [step("format", "oxfmt")],
  publint: () => [
    ...build,
    ...readdirSync(join(root, "packages")).map((name) =>
      step(`publint ${name}`, "publint", "--strict", join("packages", name)),
    ),
  ],
  test: (args) => [...build, ...checks, step("tests", "vitest", "run", ...args)],
};

let current = null;
let stopSignal = null;
const lastSignalAt = new Map();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => forward(signal));
}

const [name = "", ...args] = process.argv.slice(2);
process.exitCode = await main(name, args);

async function main(commandName, commandArgs) {
  const steps = Object.hasOwn(commands, commandName) ? commands[commandName] : undefined;
  if (steps === undefined) {
    process.stderr.write(`usage: boot.mjs ${Object.keys(commands).join("|")}\n`);
    return 2;
  }
  if (commandName !== "test") {
    return (await runAll(() => steps(commandArgs))).status;
  }
  return runTests(() => steps(commandArgs));
}

/** Runs the test command so that its very last line is always the tally. */
async function runTests(steps) {
  const scratch = mkdtempSync(join(tmpdir(), "dt-test-"));
  env.DT_TALLY_FILE = join(scratch, "tally");
  try {
    const { failed, status } = await runAll(steps);
    if (failed !== null) {
      process.stdout.write(`failed step: ${failed}\n`);
    }
    const tally = existsSync(env.DT_TALLY_FILE) ? readFileSync(env.DT_TALLY_FILE, "utf8") : "";
    const line = tally === "" ? "0 passed, 1 failed\n" : tally;
    process.stdout.write(line);
    return status;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function runAll(steps) {
  const install = await installWhenChanged();
  if (install !== 0) {
    return { failed: "install", status: install };
  }
  if (!existsSync(join(binDir, "node")) && !systemNodeIsNewEnough()) {
    process.stderr.write(
      `No pinned Node exists for ${process.platform}-${process.arch}; run this with Node 24.11 or later.\n`,
    );
    return { failed: "install", status: 1 };
  }
  for (const next of steps()) {
    if (stopSignal !== null) {
      return { failed: next.name, status: signalStatus(stopSignal) };
    }
    const status = await runStep(next);
    if (status !== 0) {
      return { failed: next.name, status };
    }
  }
  return { failed: null, status: 0 };
}

async function runStep(next) {
  if (next.action !== undefined) {
    next.action();
    return 0;
  }
  return run(next.command, next.args);
}

/** Installs when the lockfile or a manifest is not the one of the last install. */
async function installWhenChanged() {
  const want = manifestHash();
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === want) {
    return 0;
  }
  const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const reporter = process.stdout.isTTY ? [] : ["--reporter=append-only"];
  const status = await run("npx", [
    "-y",
    packageManager,
    "install",
    "--frozen-lockfile",
    ...reporter,
  ]);
  if (status === 0) {
    writeFileSync(stampFile, want);
  }
  return status;
}

function manifestHash() {
  const files = ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml", "tools/package.json"];
  for (const group of ["packages", "apps"]) {
    for (const entry of readdirSync(join(root, group)).toSorted()) {
      files.push(`${group}/${entry}/package.json`);
    }
  }
  const hash = createHash("sha256");
  for (const file of files) {
    const path = join(root, file);
    hash.update(`${file}\0`).update(existsSync(path) ? readFileSync(path) : "");
  }
  return hash.digest("hex");
}

function systemNodeIsNewEnough() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  return major > 24 || (major === 24 && minor >= 11);
}

/** Resolves to the exit status once the child has ended by itself; it is never killed from here. */
function run(command, commandArgs) {
  return new Promise((resolve) => {
    const child = spawn(command, commandArgs, { cwd: root, env, stdio: "inherit" });
    current = child;
    child.once("error", (error) => {
      current = null;
      process.stderr.write(`${command}: ${error.message}\n`);
      resolve(127);
    });
    child.once("exit", (code, signal) => {
      current = null;
      resolve(code ?? signalStatus(signal));
    });
  });
}

function signalStatus(signal) {
  return 128 + (constants.signals[signal] ?? 0);
}

/**
 * Passes a signal on to the running child and lets it take its time. One request to stop often arrives
 * twice, from the terminal and again from npm, so a repetition within a second is dropped. A terminal sends
 * SIGINT to the child as well, so there it is not passed on.
 */
function forward(signal) {
  stopSignal = signal;
  const now = performance.now();
  const last = lastSignalAt.get(signal) ?? -Infinity;
  lastSignalAt.set(signal, now);
  const fromTerminal = signal === "SIGINT" && process.stdin.isTTY === true;
  if (current !== null && !fromTerminal && now - last >= repeatedSignalMs) {
    current.kill(signal);
  }
}
