import { posix } from "node:path";
import { reaches } from "./check-manifests.ts";
import type { AreaRule, ImportTable, PackageRule } from "./import-table.ts";
import type { ImportSite, SourceFacts } from "./source-facts.ts";
import type { Rule, Violation } from "./violation.ts";
import { SCOPE, type Workspace } from "./workspace.ts";

/** Checks one source of a workspace; `path` is relative to the workspace's folder. */
export function checkSource(
  workspace: Workspace,
  path: string,
  facts: SourceFacts,
  table: ImportTable,
): Violation[] {
  const file = `${workspace.dir}/${path}`;
  const violations: Violation[] = [];
  const report = (line: number, rule: Rule, message: string): void => {
    violations.push({ file, line, rule, message });
  };

  if (facts.syntaxError !== null) {
    report(1, "parse", `cannot be parsed: ${facts.syntaxError}`);
  }
  const packageRule = workspace.kind === "package" ? table[workspace.name] : undefined;
  const area = isProductSource(path) ? areaOf(path) : null;
  const context: SourceContext = { workspace, path, area, packageRule, table, report };
  for (const site of facts.imports) {
    if (site.specifier.startsWith(".")) {
      checkRelative(context, site);
    } else {
      checkModule(context, site);
    }
  }
  if (area !== null && packageRule?.pureAreas?.includes(area) === true) {
    for (const { construct, line } of facts.impure) {
      report(
        line,
        "purity",
        `${construct} in ${workspace.name}/src/${area}, which must be a pure function of its input; ` +
          "return what is to be done, or take the value as an argument",
      );
    }
  }
  return violations;
}

interface SourceContext {
  readonly workspace: Workspace;
  readonly path: string;
  /** Null for tests, benchmarks and examples. */
  readonly area: string | null;
  readonly packageRule: PackageRule | undefined;
  readonly table: ImportTable;
  readonly report: (line: number, rule: Rule, message: string) => void;
}

function checkRelative(context: SourceContext, { specifier, line }: ImportSite): void {
  const { workspace, path, area, report } = context;
  const target = posix.join(posix.dirname(path), specifier);
  if (target === ".." || target.startsWith("../")) {
    report(
      line,
      "package-escape",
      `"${specifier}" leaves ${workspace.dir}; import the package by its name and declare the dependency`,
    );
    return;
  }
  const rule = areaRule(context);
  if (area === null || rule?.areas === undefined || !target.startsWith("src/")) {
    return;
  }
  const targetArea = areaOf(target);
  if (targetArea !== area && !rule.areas.includes(targetArea)) {
    report(
      line,
      "area-import",
      `src/${area} may not import src/${targetArea}; turn the dependency around, ` +
        `or move what is needed (allowed: ${[area, ...rule.areas].join(", ")})`,
    );
  }
}

function checkModule(context: SourceContext, { specifier, line }: ImportSite): void {
  const { workspace, area, report } = context;
  const rule = areaRule(context);
  if (area !== null && rule?.modules !== undefined && !rule.modules.includes(specifier)) {
    report(
      line,
      "area-import",
      `src/${area} may not import "${specifier}" (allowed: ${rule.modules.join(", ") || "none"}); ` +
        "take what is needed as an argument",
    );
    return;
  }
  if (!specifier.startsWith(SCOPE)) {
    return;
  }
  const [name = "", subpath = ""] = specifier.slice(SCOPE.length).split("/");
  if (subpath === "dist" || subpath === "src") {
    report(
      line,
      "deep-import",
      `"${specifier}" reaches into ${SCOPE}${name}; import ${SCOPE}${name} and export there what is missing`,
    );
  }
  if (workspace.kind === "package" && name !== workspace.name) {
    checkLayer(context, name, line);
  }
}

function checkLayer(context: SourceContext, name: string, line: number): void {
  const { workspace, area, packageRule, table, report } = context;
  if (packageRule === undefined) {
    return;
  }
  if (area === null) {
    if (reaches(name, workspace.name, table)) {
      report(
        line,
        "test-cycle",
        `${SCOPE}${name} is built on ${SCOPE}${workspace.name}, so the tests here may not use it; ` +
          `move this test to ${SCOPE}${name}`,
      );
    }
    return;
  }
  if (!packageRule.imports.includes(name)) {
    report(
      line,
      "import",
      `${SCOPE}${workspace.name} may not import ${SCOPE}${name}; move what is needed to a package below ` +
        `(allowed: ${packageRule.imports.join(", ") || "none"})`,
    );
    return;
  }
  const onlyFrom = packageRule.importsOnlyFrom?.[name];
  if (onlyFrom !== undefined && !onlyFrom.includes(area)) {
    report(
      line,
      "import",
      `only ${onlyFrom.map((each) => `src/${each}`).join(" and ")} of ${SCOPE}${workspace.name} may import ` +
        `${SCOPE}${name}; move the code there, or hide it behind an interface`,
    );
  }
}

function areaRule({ packageRule, area }: SourceContext): AreaRule | undefined {
  return area === null ? undefined : packageRule?.areas?.[area];
}

function isProductSource(path: string): boolean {
  return path.startsWith("src/") && !path.endsWith(".test.ts");
}

/** The folder directly under `src`, or the name of a file there without its extension. */
function areaOf(path: string): string {
  const [, first = ""] = path.split("/");
  return first.replace(/\.[jt]s$/, "");
}
