import { readFileSync } from "node:fs";
import { join } from "node:path";
import { checkManifests } from "./check-manifests.ts";
import { checkSource } from "./check-source.ts";
import { IMPORT_TABLE, type ImportTable } from "./import-table.ts";
import { readSourceFacts } from "./source-facts.ts";
import type { Violation } from "./violation.ts";
import { readWorkspaces } from "./workspace.ts";

export interface LayerReport {
  readonly sourceCount: number;
  readonly violations: readonly Violation[];
}

/** Checks the whole repository under `root`. Generated sources count, built ones do not. */
export function checkLayers(root: string, table: ImportTable = IMPORT_TABLE): LayerReport {
  const workspaces = readWorkspaces(root);
  const violations = checkManifests(workspaces, table);
  let sourceCount = 0;
  for (const workspace of workspaces) {
    for (const path of workspace.sources) {
      const file = join(root, workspace.dir, path);
      const facts = readSourceFacts(file, readFileSync(file, "utf8"));
      violations.push(...checkSource(workspace, path, facts, table));
      sourceCount += 1;
    }
  }
  return { sourceCount, violations };
}
