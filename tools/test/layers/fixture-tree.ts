import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { checkLayers } from "../../src/layers/check-layers.ts";
import type { ImportTable } from "../../src/layers/import-table.ts";
import { formatViolation } from "../../src/layers/violation.ts";

export interface ManifestOptions {
  dependencies?: readonly string[];
  devDependencies?: readonly string[];
  peerDependencies?: readonly string[];
}

/** package.json and tsconfig.json of a package whose references match its dependencies. */
export function packageFiles(dir: string, options: ManifestOptions = {}): Record<string, string> {
  const section = (names: readonly string[] = []): Record<string, string> =>
    Object.fromEntries(names.map((name) => [`@dt/${name}`, "workspace:^"]));
  const manifest = {
    name: `@dt/${dir.split("/").at(-1)}`,
    dependencies: section(options.dependencies),
    devDependencies: section(options.devDependencies),
    peerDependencies: section(options.peerDependencies),
  };
  const referred = new Set(
    [options.dependencies, options.devDependencies, options.peerDependencies].flatMap(
      (names) => names ?? [],
    ),
  );
  return {
    [`${dir}/package.json`]: JSON.stringify(manifest, null, 2),
    [`${dir}/tsconfig.json`]: references([...referred].map((name) => `../${name}`)),
  };
}

export function references(paths: readonly string[]): string {
  return JSON.stringify({ references: paths.map((path) => ({ path })) }, null, 2);
}

/** Writes the files into a fresh folder, checks it and returns the messages. */
export function violationsOf(files: Record<string, string>, table?: ImportTable): string[] {
  const root = mkdtempSync(join(tmpdir(), "layers-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
  return checkLayers(root, table).violations.map(formatViolation);
}

/** The same, with every package of the table present, so that only the given files can be at fault. */
export function violationsInRepository(files: Record<string, string>): string[] {
  return violationsOf({
    ...packageFiles("packages/codec"),
    ...packageFiles("packages/fiber"),
    ...packageFiles("packages/rpc", { dependencies: ["codec"] }),
    ...packageFiles("packages/raft", { dependencies: ["codec", "fiber", "rpc"] }),
    ...packageFiles("packages/raft-log-file", { dependencies: ["codec", "fiber", "raft"] }),
    ...packageFiles("packages/kv", { dependencies: ["codec", "fiber", "rpc", "raft"] }),
    ...files,
  });
}
