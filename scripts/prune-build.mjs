import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const emitted = /\.(?:js|js\.map|d\.ts|d\.ts\.map)$/;

/**
 * Removes from every dist what the compiler emitted for a source that is gone. `tsc -b` leaves such files
 * behind, and a deleted test would keep running.
 */
export function pruneBuild(root) {
  for (const workspace of workspaces(root)) {
    const dist = join(workspace, "dist");
    if (!existsSync(dist)) {
      continue;
    }
    for (const file of readdirSync(dist, { recursive: true })) {
      if (emitted.test(file) && !existsSync(join(workspace, file.replace(emitted, ".ts")))) {
        rmSync(join(dist, file));
      }
    }
  }
}

function workspaces(root) {
  const found = [join(root, "tools")];
  for (const group of ["packages", "apps"]) {
    for (const name of readdirSync(join(root, group))) {
      found.push(join(root, group, name));
    }
  }
  return found;
}
