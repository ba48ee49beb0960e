// Prometheus text as Python's client writes it: sorted labels, floats with a dot, `_created` beside every counter.

export interface Sample {
  readonly suffix: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export function familyText(name: string, kind: string, help: string, samples: readonly Sample[]): string {
  const lines = samples.map(({ suffix, labels, value }) =>
    `${name}${suffix}${labelText(labels)} ${floatText(value)}\n`
  );
  return `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n${lines.join("")}`;
}

export function bucketSamples(
  labels: Readonly<Record<string, string>>,
  buckets: readonly number[],
  counts: readonly number[],
  sum: number,
): readonly Sample[] {
  let total = 0;
  const samples: Sample[] = [...buckets, Infinity].map((most, at) => {
    total += counts[at] ?? 0;
    return { suffix: "_bucket", labels: { ...labels, le: most === Infinity ? "+Inf" : floatText(most) }, value: total };
  });
  return [...samples, { suffix: "_count", labels, value: total }, { suffix: "_sum", labels, value: sum }];
}

/** 3 → `3.0`, 2097152 → `2.097152e+06`: Go's rule, kept by the Python client. */
export function floatText(value: number): string {
  if (value === Infinity) return "+Inf";
  const plain = Number.isInteger(value) ? `${value}.0` : String(value);
  const dot = plain.indexOf(".");
  if (value <= 0 || dot <= 6 || plain.includes("e")) return plain;
  const digits = (plain.slice(0, dot) + plain.slice(dot + 1)).replace(/0+$/, "");
  const mantissa = digits.length > 1 ? `${digits[0]}.${digits.slice(1)}` : `${digits}.0`;
  return `${mantissa}e+${String(dot - 1).padStart(2, "0")}`;
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) =>
    `${name}="${value}"`
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}
