// Checks the layers of the repository: node tools/dist/src/layers/main.js [root]
import { checkLayers } from "./check-layers.ts";
import { formatViolation } from "./violation.ts";

const { sourceCount, violations } = checkLayers(process.argv[2] ?? process.cwd());
for (const violation of violations) {
  console.error(formatViolation(violation));
}
if (sourceCount === 0) {
  console.error("no sources found; run this from the root of the repository");
}
if (violations.length > 0 || sourceCount === 0) {
  process.exitCode = 1;
} else {
  console.log(`layers: ${sourceCount} sources, no violations`);
}
