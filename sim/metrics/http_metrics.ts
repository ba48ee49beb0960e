// Counts of HTTP requests as vLLM's instrumentator keeps them: by handler (route path, or `none` for unknown paths).

import { bucketSamples, familyText, type Sample } from "./exposition.ts";

const FINE = [
  ...[0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 7.5, 10, 30, 60],
];
const COARSE = [0.1, 0.5, 1];

/** Paths that are not counted. */
const UNCOUNTED = new Set(["/metrics", "/health", "/load", "/ping", "/version", "/server_info"]);

export interface ServedRequest {
  readonly handler: string;
  readonly method: string;
  readonly status: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly seconds: number;
}

interface Tally {
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAtMs: number;
  count: number;
  sum: number;
  readonly buckets: number[];
}

export class HttpMetrics {
  readonly #startedAtMs: number;
  readonly #requests = new Map<string, Tally>();
  readonly #requestBytes = new Map<string, Tally>();
  readonly #responseBytes = new Map<string, Tally>();
  readonly #seconds = new Map<string, Tally>();
  readonly #fine: number[] = FINE.map(() => 0).concat(0);
  #fineSum = 0;

  constructor(startedAtMs: number) {
    this.#startedAtMs = startedAtMs;
  }

  count(served: ServedRequest): void {
    const { handler, method } = served;
    if (UNCOUNTED.has(handler) || handler.startsWith("/sim/")) return;
    add(this.#requests, { handler, method, status: `${Math.floor(served.status / 100)}xx` }, 1, []);
    add(this.#requestBytes, { handler }, served.requestBytes, []);
    add(this.#responseBytes, { handler }, served.responseBytes, []);
    add(this.#seconds, { handler, method }, served.seconds, COARSE);
    this.#fine[place(FINE, served.seconds)]! += 1;
    this.#fineSum += served.seconds;
  }

  text(): string {
    const fine = bucketSamples({}, FINE, this.#fine, this.#fineSum);
    const fineCreated: Sample = { suffix: "", labels: {}, value: this.#startedAtMs / 1000 };
    const name = "http_request_duration_highr_seconds";
    return [
      ...tallies("http_requests", "_total", "counter", "requests by handler, method and status", this.#requests, []),
      ...tallies("http_request_size_bytes", "", "summary", "request bytes by handler", this.#requestBytes, null),
      ...tallies("http_response_size_bytes", "", "summary", "response bytes by handler", this.#responseBytes, null),
      familyText(name, "histogram", "seconds of a request, many buckets", fine),
      familyText(`${name}_created`, "gauge", "seconds of a request, many buckets", [fineCreated]),
      ...tallies("http_request_duration_seconds", "", "histogram", "seconds by handler", this.#seconds, COARSE),
    ].join("");
  }
}

function add(into: Map<string, Tally>, labels: Tally["labels"], amount: number, buckets: readonly number[]): void {
  const at = Object.values(labels).join(" ");
  let tally = into.get(at);
  if (!tally) {
    tally = { labels, createdAtMs: Date.now(), count: 0, sum: 0, buckets: [...buckets, Infinity].map(() => 0) };
    into.set(at, tally);
  }
  tally.count += 1;
  tally.sum += amount;
  tally.buckets[place(buckets, amount)]! += 1;
}

function place(buckets: readonly number[], value: number): number {
  const at = buckets.findIndex((most) => value <= most);
  return at < 0 ? buckets.length : at;
}

/** `buckets`: empty for a counter, null for a summary. */
function tallies(
  name: string,
  suffix: string,
  kind: string,
  help: string,
  from: ReadonlyMap<string, Tally>,
  buckets: readonly number[] | null,
): readonly string[] {
  const samples = [...from.values()].flatMap((tally): readonly Sample[] => {
    if (kind === "histogram") return bucketSamples(tally.labels, buckets ?? [], tally.buckets, tally.sum);
    if (kind === "counter") return [{ suffix: "", labels: tally.labels, value: tally.count }];
    return [
      { suffix: "_count", labels: tally.labels, value: tally.count },
      { suffix: "_sum", labels: tally.labels, value: tally.sum },
    ];
  });
  const created = [...from.values()].map(({ labels, createdAtMs }): Sample => ({
    suffix: "",
    labels,
    value: createdAtMs / 1000,
  }));
  return [familyText(name + suffix, kind, help, samples), familyText(`${name}_created`, "gauge", help, created)];
}
