import { expect, test } from "bun:test";
import { makeCounter, makeHistogram, type Series } from "../../../router/prometheus.ts";
import { sumMetrics } from "../../../router/procs/sum_metrics.ts";

function textOf(...series: readonly Series[]): string {
  const lines: string[] = [];
  for (const one of series) one.write(lines);
  return `${lines.join("\n")}\n`;
}

test("counters of several processes are added, label by label, and told once", () => {
  const [here, there] = [0, 1].map(() => makeCounter("requests_total", "Requests", ["path", "code"]));
  here!.add("/a b\x00200", 2);
  there!.add("/a b\x00200", 3);
  there!.add("/c\x00500");
  expect(sumMetrics([textOf(here!), textOf(there!)])).toBe(
    "# HELP requests_total Requests\n# TYPE requests_total counter\n" +
      'requests_total{path="/a b",code="200"} 5\nrequests_total{path="/c",code="500"} 1\n',
  );
});

test("histograms are added bucket by bucket, several sets of one family included", () => {
  const make = (seconds: number) => {
    const queue = makeHistogram("phase", "Phases", [1, 2], { phase: "queue" });
    const stream = makeHistogram("phase", "", [1, 2], { phase: "stream" });
    queue.observe(seconds);
    stream.observe(2 * seconds);
    return textOf(queue, stream);
  };
  const sum = sumMetrics([make(0.5), make(1.5), make(4)]);
  expect(sum.match(/# TYPE/g)).toHaveLength(1);
  expect(sum).toContain('phase_bucket{phase="queue",le="1"} 1\nphase_bucket{phase="queue",le="2"} 2\n');
  expect(sum).toContain('phase_bucket{phase="stream",le="+Inf"} 3\nphase_sum{phase="stream"} 12\n');
});

test("one text is itself, and no text is nothing", () => {
  const one = textOf(makeCounter("a", "A"), makeCounter("b", "B"));
  expect(sumMetrics(["", one])).toBe(one);
  expect(sumMetrics([])).toBe("");
});

test("a counter of which one process has no samples yet keeps apart from the next one", () => {
  const [here, there] = [0, 1].map(() => makeCounter("retries_total", "Retries", ["leg"]));
  there!.add("decode");
  const denied = makeCounter("denied_total", "Denied");
  const sum = sumMetrics([textOf(here!, denied), textOf(there!, denied)]).split("\n");
  expect(sum.filter((line) => line.startsWith("denied_total"))).toEqual(["denied_total 0"]);
  expect(sum.indexOf("# TYPE denied_total counter")).toBe(sum.indexOf("denied_total 0") - 1);
  expect(sum.indexOf("# TYPE retries_total counter")).toBe(sum.indexOf('retries_total{leg="decode"} 1') - 1);
});
