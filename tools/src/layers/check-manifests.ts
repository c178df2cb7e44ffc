import type { ImportTable } from "./import-table.ts";
import type { Violation } from "./violation.ts";
import { SCOPE, type Workspace } from "./workspace.ts";

/** Checks that package.json and tsconfig.json of each workspace agree with the table and with each other. */
export function checkManifests(workspaces: readonly Workspace[], table: ImportTable): Violation[] {
  const dirs = new Map(workspaces.map((workspace) => [workspace.name, workspace.dir]));
  return workspaces.flatMap((workspace) => [
    ...checkDependencies(workspace, table),
    ...checkReferences(workspace, dirs),
  ]);
}

function checkDependencies(workspace: Workspace, table: ImportTable): Violation[] {
  if (workspace.kind === "program") {
    return [];
  }
  const file = `${workspace.dir}/package.json`;
  const rule = table[workspace.name];
  if (rule === undefined) {
    return [
      {
        file,
        line: 1,
        rule: "unlisted-package",
        message: `${SCOPE}${workspace.name} is not in the import table; add it to tools/src/layers/import-table.ts`,
      },
    ];
  }
  const violations: Violation[] = [];
  for (const { value, line } of workspace.dependencies) {
    if (!rule.imports.includes(value)) {
      violations.push({
        file,
        line,
        rule: "dependency",
        message:
          `${SCOPE}${workspace.name} may not depend on ${SCOPE}${value}; remove it, ` +
          `or move what is needed to a package below (allowed: ${list(rule.imports)})`,
      });
    }
  }
  for (const { value, line } of workspace.devDependencies) {
    if (value === workspace.name || reaches(value, workspace.name, table)) {
      violations.push({
        file,
        line,
        rule: "test-cycle",
        message:
          `${SCOPE}${value} is built on ${SCOPE}${workspace.name}, so the tests here may not use it; ` +
          `move these tests to ${SCOPE}${value}`,
      });
    }
  }
  return violations;
}

function checkReferences(workspace: Workspace, dirs: ReadonlyMap<string, string>): Violation[] {
  const wanted = new Map<string, number>();
  for (const { value, line } of [...workspace.dependencies, ...workspace.devDependencies]) {
    const dir = dirs.get(value);
    if (dir !== undefined) {
      wanted.set(dir, line);
    }
  }
  const present = new Set(workspace.references.map(({ value }) => value));
  const violations: Violation[] = [];
  for (const [dir, line] of wanted) {
    if (!present.has(dir)) {
      violations.push({
        file: `${workspace.dir}/package.json`,
        line,
        rule: "reference",
        message: `depends on ${dir}, but ${workspace.dir}/tsconfig.json has no reference to it; add one`,
      });
    }
  }
  for (const { value, line } of workspace.references) {
    if (!wanted.has(value)) {
      violations.push({
        file: `${workspace.dir}/tsconfig.json`,
        line,
        rule: "reference",
        message: `refers to ${value}, which package.json does not depend on; remove it or add the dependency`,
      });
    }
  }
  return violations;
}

/** Whether `from` imports `to` by the table, directly or through others. Programs count as importing all. */
export function reaches(from: string, to: string, table: ImportTable): boolean {
  const rule = table[from];
  if (rule === undefined) {
    return true;
  }
  return rule.imports.some((name) => name === to || reaches(name, to, table));
}

function list(names: readonly string[]): string {
  return names.length === 0 ? "none" : names.join(", ");
}
