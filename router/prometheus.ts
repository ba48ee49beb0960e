// Counters and histograms that cost an addition when they are used, and Prometheus text when they are read.
// Source: Prometheus text exposition format 0.0.4.

export type Labels = Readonly<Record<string, string>>;

export interface Series {
  /** Appends `# HELP`, `# TYPE` and the samples. */
  write(lines: string[]): void;
}

export interface Counter extends Series {
  /** `key`: the labels' values joined by `\0`, so that counting makes no object; `""` where there are no labels. */
  add(key: string, by?: number): void;
  value(key: string): number;
}

export interface Histogram extends Series {
  observe(seconds: number): void;
}

/** A counter with any number of labels; one without starts at 0, the others show what happened. */
export function makeCounter(name: string, help: string, labels: readonly string[] = []): Counter {
  const values = new Map<string, number>(labels.length === 0 ? [["", 0]] : []);
  return {
    add: (key, by = 1) => void values.set(key, (values.get(key) ?? 0) + by),
    value: (key) => values.get(key) ?? 0,
    write(lines) {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} counter`);
      for (const [key, count] of values) {
        const parts = key.split("\0");
        lines.push(sample(name, Object.fromEntries(labels.map((label, i) => [label, parts[i] ?? ""])), count));
      }
    },
  };
}

export function makeHistogram(
  name: string,
  help: string,
  bounds: readonly number[],
  labels: Labels = {},
): Histogram {
  const counts = new Array<number>(bounds.length + 1).fill(0);
  let sum = 0;
  return {
    observe(seconds) {
      let i = 0;
      while (i < bounds.length && seconds > bounds[i]!) i++;
      counts[i]!++;
      sum += seconds;
    },
    write(lines) {
      if (help !== "") lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} histogram`);
      let total = 0;
      for (let i = 0; i <= bounds.length; i++) {
        total += counts[i]!;
        lines.push(sample(`${name}_bucket`, { ...labels, le: i < bounds.length ? String(bounds[i]) : "+Inf" }, total));
      }
      lines.push(sample(`${name}_sum`, labels, sum), sample(`${name}_count`, labels, total));
    },
  };
}

/** Samples that are looked up when they are read. */
export function makeGauge(
  name: string,
  help: string,
  read: () => readonly (readonly [labels: Labels, value: number])[],
  type: "gauge" | "counter" = "gauge",
): Series {
  return {
    write(lines) {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
      for (const [labels, value] of read()) lines.push(sample(name, labels, value));
    },
  };
}

function sample(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
