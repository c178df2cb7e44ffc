import { defineConfig } from "vitest/config";

// The published packages also run on the oldest Node they support; the apps and tools do not.
const packagesOnly = process.env["DT_TEST_SCOPE"] === "packages";
const nightly = process.env["DT_TEST_SCOPE"] === "memory";
const packages = "packages/*/dist";
const workspaces = packagesOnly ? [packages] : [packages, "apps/*/dist", "tools/dist"];
const tests = `**/*${nightly ? ".memory" : ""}.test.js`;

export default defineConfig({
  test: {
    exclude: ["**/node_modules/**", ...(nightly ? [] : ["**/*.memory.test.js"])],
    pool: "forks",
    // Most of them wait for processes, disks and elections: one worker for each core, not one less.
    maxWorkers: "100%",
    // Against a test that hangs, and nothing else: a busy machine may be ten times slower.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    execArgv: ["--enable-source-maps"],
    reporters: ["default", "./scripts/tally-reporter.mjs"],
    // Tests run from the build: what is tested is what is published.
    projects: [
      // Tests beside the code start nothing and leave nothing: a process for each would take longer than they do.
      {
        extends: true,
        test: {
          name: "units",
          include: workspaces.map((dist) => `${dist}/src/${tests}`),
          isolate: false,
        },
      },
      {
        extends: true,
        test: { name: "whole", include: workspaces.map((dist) => `${dist}/test/${tests}`) },
      },
    ],
    // Node itself loads the built code, unchanged; only the test files go through vitest.
    server: { deps: { external: [/\/dist\/(?!.*\.test\.js$).*\.js$/] } },
  },
});
