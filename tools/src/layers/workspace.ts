import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join, posix } from "node:path";

export const SCOPE = "@dt/";

/** A value of a manifest and the line it stands on, for messages. */
export interface Located {
  readonly value: string;
  /** Counted from 1. */
  readonly line: number;
}

export interface Workspace {
  /** Path from the root, with forward slashes: `packages/raft`, `apps/cli`, `tools`. */
  readonly dir: string;
  /** Last part of `dir`; the package is called `@dt/<name>`. */
  readonly name: string;
  /** Packages are layered; apps and tools may import anything. */
  readonly kind: "package" | "program";
  /** Packages of this repository in dependencies, peerDependencies and optionalDependencies, by name. */
  readonly dependencies: readonly Located[];
  readonly devDependencies: readonly Located[];
  /** Folders that tsconfig.json refers to, as paths from the root. */
  readonly references: readonly Located[];
  /** TypeScript sources, as paths from `dir`; generated ones included, built ones not. */
  readonly sources: readonly string[];
}

/** Reads every workspace under `root`: packages first, then apps, then tools. */
export function readWorkspaces(root: string): Workspace[] {
  const dirs: { dir: string; kind: Workspace["kind"] }[] = [];
  for (const name of listFolders(join(root, "packages"))) {
    dirs.push({ dir: `packages/${name}`, kind: "package" });
  }
  for (const name of listFolders(join(root, "apps"))) {
    dirs.push({ dir: `apps/${name}`, kind: "program" });
  }
  dirs.push({ dir: "tools", kind: "program" });
  return dirs
    .filter(({ dir }) => existsSync(join(root, dir, "package.json")))
    .map(({ dir, kind }) => readWorkspace(root, dir, kind));
}

function readWorkspace(root: string, dir: string, kind: Workspace["kind"]): Workspace {
  const manifest = readFileSync(join(root, dir, "package.json"), "utf8");
  return {
    dir,
    name: posix.basename(dir),
    kind,
    dependencies: ["dependencies", "peerDependencies", "optionalDependencies"].flatMap((field) =>
      ownDependencies(manifest, field),
    ),
    devDependencies: ownDependencies(manifest, "devDependencies"),
    references: readReferences(root, dir),
    sources: listSources(root, dir),
  };
}

function ownDependencies(manifest: string, field: string): Located[] {
  const dependencies = asRecord(asRecord(JSON.parse(manifest))[field]);
  return Object.keys(dependencies)
    .filter((name) => name.startsWith(SCOPE))
    .map((name) => ({
      value: name.slice(SCOPE.length),
      line: lineOf(manifest, `"${name}"`, `"${field}"`),
    }));
}

function readReferences(root: string, dir: string): Located[] {
  const file = join(root, dir, "tsconfig.json");
  if (!existsSync(file)) {
    return [];
  }
  const text = readFileSync(file, "utf8");
  const references = asRecord(JSON.parse(text))["references"];
  return (Array.isArray(references) ? references : []).flatMap((reference: unknown) => {
    const path = asRecord(reference)["path"];
    return typeof path === "string"
      ? [{ value: posix.join(dir, path), line: lineOf(text, `"${path}"`, '"references"') }]
      : [];
  });
}

function listSources(root: string, dir: string): string[] {
  const found: string[] = [];
  for (const folder of ["src", "test", "bench", "examples"]) {
    const path = join(root, dir, folder);
    if (existsSync(path)) {
      for (const entry of readdirSync(path, { recursive: true, encoding: "utf8" })) {
        if (entry.endsWith(".ts") && !entry.endsWith(".d.ts")) {
          found.push(posix.join(folder, entry.replaceAll("\\", "/")));
        }
      }
    }
  }
  return found.toSorted();
}

function listFolders(path: string): string[] {
  return existsSync(path)
    ? readdirSync(path, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => entry.name)
        .toSorted()
    : [];
}

/** The line of the first `needle` after `anchor`. */
function lineOf(text: string, needle: string, anchor: string): number {
  const from = Math.max(0, text.indexOf(anchor));
  const at = text.indexOf(needle, from);
  return at === -1 ? 1 : text.slice(0, at).split("\n").length;
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
