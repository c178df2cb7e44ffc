// Hot path with metrics: per request and call. No closures.
import { statusName } from "../status.ts";
import { BUCKET_SECONDS, LatencyHistogram } from "./latency-histogram.ts";
import type { CallContext } from "./call-context.ts";
import type { Interceptor } from "./interceptor.ts";
import type { RequestContext } from "./request-context.ts";

export interface MetricsOptions {
  /** What the names of the metrics begin with. Default "dt_rpc". */
  readonly prefix?: string;
  /** The value of the label `command`. Default: the number. */
  readonly commandName?: (command: number) => string;
}

/** One measured value. `metricName` says which series of a histogram it belongs to. */
export interface MetricValue {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly metricName?: string;
}

/**
 * A metric as a Prometheus registry takes it: `registry.registerMetric(metric)` of prom-client does,
 * and then asks it with `get` whenever it is scraped.
 */
export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "histogram" | "gauge";
  readonly aggregator: "sum";
  get(): Promise<{
    readonly name: string;
    readonly help: string;
    readonly type: "counter" | "histogram" | "gauge";
    readonly aggregator: "sum";
    readonly values: MetricValue[];
  }>;
  reset(): void;
}

/** What one command has cost. */
class CommandSeries {
  readonly latency = new LatencyHistogram();
  readonly outcomes = new Map<string, number>();
  started = 0;

  end(outcome: string, startedMs: number): void {
    this.latency.record((performance.now() - startedMs) / 1000);
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
  }
}

type Table = Map<number, CommandSeries>;

/**
 * Counts requests and calls by command and outcome and measures how long they took. One object may
 * serve several servers and clients. The label values are bounded: only commands that have a handler
 * here, or are called from here, are seen.
 *
 *   dt_rpc_requests_total{command,status}          answered requests
 *   dt_rpc_request_seconds{command}                histogram, from the handler's start to the answer
 *   dt_rpc_requests_in_flight{command}             requests without an answer
 *   dt_rpc_one_ways_total{command}                 one-ways received
 *   dt_rpc_calls_total{command,outcome}            ended calls; "ok", a status or a DT_RPC code
 *   dt_rpc_call_seconds{command}                   histogram, from the call to its outcome
 *   dt_rpc_calls_in_flight{command}                calls without an outcome
 */
export class RpcMetrics implements Interceptor {
  readonly #prefix: string;
  readonly #commandName: (command: number) => string;
  #requests: Table = new Map();
  #oneWays: Table = new Map();
  #calls: Table = new Map();

  constructor(options: MetricsOptions = {}) {
    this.#prefix = options.prefix ?? "dt_rpc";
    this.#commandName = options.commandName ?? String;
  }

  onRequest(context: RequestContext): void {
    const { command, isOneWay } = context.request;
    series(isOneWay ? this.#oneWays : this.#requests, command).started++;
  }

  onReply(context: RequestContext): void {
    const { request, status, startedMs } = context;
    series(this.#requests, request.command).end(statusName(status), startedMs);
  }

  onCall(context: CallContext): void {
    series(this.#calls, context.command).started++;
  }

  onOutcome(context: CallContext): void {
    const { error, startedMs } = context;
    series(this.#calls, context.command).end(outcomeOf(error), startedMs);
  }

  /** Register each with a Prometheus registry. */
  metrics(): Metric[] {
    const requests = (): Table => this.#requests;
    const calls = (): Table => this.#calls;
    const oneWays = (): Table => this.#oneWays;
    return [
      this.#metric("requests_total", "counter", "Requests answered.", requests, outcomes("status")),
      this.#metric("request_seconds", "histogram", "Time to answer a request.", requests, buckets),
      this.#metric(
        "requests_in_flight",
        "gauge",
        "Requests without an answer.",
        requests,
        inFlight,
      ),
      this.#metric("one_ways_total", "counter", "One-ways received.", oneWays, started),
      this.#metric("calls_total", "counter", "Calls that have ended.", calls, outcomes("outcome")),
      this.#metric("call_seconds", "histogram", "Time to the outcome of a call.", calls, buckets),
      this.#metric("calls_in_flight", "gauge", "Calls without an outcome.", calls, inFlight),
    ];
  }

  #metric(
    suffix: string,
    type: Metric["type"],
    help: string,
    table: () => Table,
    sample: Sample,
  ): Metric {
    const name = `${this.#prefix}_${suffix}`;
    const aggregator = "sum" as const;
    return {
      name,
      help,
      type,
      aggregator,
      get: () => {
        const values: MetricValue[] = [];
        for (const [command, one] of table()) {
          sample(values, name, this.#commandName(command), one);
        }
        return Promise.resolve({ name, help, type, aggregator, values });
      },
      reset: () => table().clear(),
    };
  }
}

/** Adds what the metric `name` says of one command. */
type Sample = (values: MetricValue[], name: string, command: string, series: CommandSeries) => void;

function outcomes(label: string): Sample {
  return (values, _name, command, one) => {
    for (const [outcome, value] of one.outcomes) {
      values.push({ value, labels: { command, [label]: outcome } });
    }
  };
}

function started(values: MetricValue[], _name: string, command: string, one: CommandSeries): void {
  values.push({ value: one.started, labels: { command } });
}

function inFlight(values: MetricValue[], _name: string, command: string, one: CommandSeries): void {
  values.push({ value: one.started - one.latency.count, labels: { command } });
}

function buckets(values: MetricValue[], name: string, command: string, one: CommandSeries): void {
  const { latency } = one;
  for (const [index, value] of latency.cumulative().entries()) {
    const le = BUCKET_SECONDS[index] ?? "+Inf";
    values.push({ value, labels: { command, le }, metricName: `${name}_bucket` });
  }
  values.push({ value: latency.sumSeconds, labels: { command }, metricName: `${name}_sum` });
  values.push({ value: latency.count, labels: { command }, metricName: `${name}_count` });
}

function outcomeOf(error: CallContext["error"]): string {
  if (error === null) {
    return "ok";
  }
  return error.code === "DT_RPC_REMOTE" && error.status !== null
    ? statusName(error.status)
    : error.code;
}

function series(table: Table, command: number): CommandSeries {
  let one = table.get(command);
  if (one === undefined) {
    one = new CommandSeries();
    table.set(command, one);
  }
  return one;
}
