import type { Environment } from "./environment.ts";
import type { Percentiles } from "./histogram.ts";

export type Scalar = string | number | boolean | null;

/** The outcome of one run; `-o json` prints it as one object. */
export interface Report extends Percentiles {
  readonly workload: string;
  readonly config: Readonly<Record<string, Scalar>>;
  readonly opsPerSec: number;
  /** Operations that failed. */
  readonly errors: number;
  readonly environment: Environment;
  /** What this workload measures besides. */
  readonly extra: Readonly<Record<string, Scalar>>;
}

export type OutputFormat = "table" | "json";

export function formatReport(report: Report, format: OutputFormat): string {
  if (format === "json") {
    const { workload, config, opsPerSec, p50Us, p99Us, p999Us, maxUs, errors, environment } =
      report;
    const head = { workload, config, opsPerSec, p50Us, p99Us, p999Us, maxUs, errors, environment };
    return JSON.stringify({ ...head, ...report.extra }, null, 2);
  }
  const rows: [string, string][] = [
    ["workload", report.workload],
    ...entries(report.config),
    ["operations/s", grouped(report.opsPerSec)],
    ["p50 / p99 / p99.9 / max us", latencies(report)],
    ["errors", String(report.errors)],
    ...entries(report.extra),
    ...entries({ ...report.environment }),
  ];
  return alignRows(rows);
}

/** Two columns, the first padded. */
export function alignRows(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join("\n");
}

export function grouped(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

function latencies(report: Percentiles): string {
  return [report.p50Us, report.p99Us, report.p999Us, report.maxUs].map(grouped).join(" / ");
}

function entries(values: Readonly<Record<string, Scalar>>): [string, string][] {
  return Object.entries(values).map(([name, value]) => [
    name,
    typeof value === "number" && Math.abs(value) >= 10_000 ? grouped(value) : String(value),
  ]);
}
