import { type Finding, searchFor } from "./exam.ts";
import { HISTORICAL_BUGS } from "./historical-bugs.ts";

const only = process.argv.slice(2);
const bugs = HISTORICAL_BUGS.filter(({ id }) => only.length === 0 || only.includes(id));
console.log("| bug | what | random: seeds | guided: seeds | found by seed | as |");
console.log("|---|---|---|---|---|---|");
let missed = 0;
for (const bug of bugs) {
  const random = await searchFor(bug, "random");
  const guided = bug.focus === null ? random : await searchFor(bug, "guided");
  const found = guided ?? random;
  missed += found === null ? 1 : 0;
  const cells = [
    bug.id,
    bug.what,
    tried(random, bug.budget),
    bug.focus === null ? "-" : `${tried(guided, bug.budget)} (${bug.focus})`,
    found === null
      ? "none"
      : `${found.seed}${guided === null || bug.focus === null ? "" : ` --focus ${bug.focus}`}`,
    found?.problem ?? "",
  ];
  console.log(`| ${cells.join(" | ")} |`);
}
if (missed > 0) {
  console.error(`${missed} of ${bugs.length} bugs were not found`);
  process.exitCode = 1;
}

function tried(finding: Finding | null, budget: number): string {
  return finding === null ? `over ${budget}` : String(finding.tried);
}
