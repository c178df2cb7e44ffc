/** What one folder (or one file) directly under a package's `src` may import. Absent means: anything. */
export interface AreaRule {
  /** Areas of the same package, by folder name or by file name without `.ts`. The own area is implied. */
  readonly areas?: readonly string[];
  /** Modules from outside the package: @dt packages, `node:` modules, third parties. */
  readonly modules?: readonly string[];
}

export interface PackageRule {
  /** Packages of this repository that the package may depend on, by folder name. */
  readonly imports: readonly string[];
  /** Of these, the ones that only some areas may import. */
  readonly importsOnlyFrom?: Readonly<Record<string, readonly string[]>>;
  readonly areas?: Readonly<Record<string, AreaRule>>;
  /** Areas that are pure functions of their input: no async, no generators, no randomness. */
  readonly pureAreas?: readonly string[];
}

export type ImportTable = Readonly<Record<string, PackageRule>>;

/** The layers of the repository: which package may import which. Apps and tools may import anything. */
export const IMPORT_TABLE: ImportTable = {
  codec: { imports: [] },
  fiber: { imports: [] },
  rpc: { imports: ["codec"] },
  raft: {
    imports: ["codec", "fiber", "rpc"],
    importsOnlyFrom: { rpc: ["transport", "client"] },
    areas: {
      core: { areas: ["entry"], modules: ["@dt/codec"] },
      log: { areas: ["core", "entry", "errors"] },
      node: { areas: ["core", "entry", "log", "errors"] },
      transport: { areas: ["node", "log", "core", "entry", "errors", "gen"] },
      client: { areas: ["transport", "core", "errors", "gen"] },
    },
    pureAreas: ["core"],
  },
  "raft-log-file": { imports: ["codec", "fiber", "raft"] },
  kv: { imports: ["codec", "fiber", "rpc", "raft"] },
};
