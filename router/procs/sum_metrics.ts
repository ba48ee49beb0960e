// The Prometheus texts of several router processes as one: samples of one name and labels are added. For series that add up,
// which counters and histograms do; what all processes know alike stands in one of the texts only.

interface Family {
  /** `# HELP` and `# TYPE`, of the first text that has it. */
  readonly comments: readonly string[];
  /** By name and labels as they are written. */
  readonly samples: Map<string, number>;
}

export function sumMetrics(texts: readonly string[]): string {
  const families = new Map<string, Family>();
  for (const text of texts) addText(text, families);
  const lines = families.values().flatMap(({ comments, samples }) => [
    ...comments,
    ...samples.entries().map(([sample, value]) => `${sample} ${value}`),
  ]).toArray();
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

/** As prometheus.ts writes it: a family's comments, then its samples, of which there may be none. */
function addText(text: string, families: Map<string, Family>): void {
  let comments: string[] = [];
  let family: Family | null = null;
  for (const line of text.split("\n")) {
    if (line.startsWith("# HELP ")) {
      comments = [line];
      family = null;
    } else if (line.startsWith("# ")) comments.push(line);
    else if (line !== "") {
      family ??= familyOf(comments, families);
      const end = line.lastIndexOf(" ");
      const sample = line.slice(0, end);
      family.samples.set(sample, (family.samples.get(sample) ?? 0) + Number(line.slice(end + 1)));
    }
  }
}

function familyOf(comments: readonly string[], families: Map<string, Family>): Family {
  const name = comments[0]?.split(" ", 3)[2] ?? "";
  const family = families.get(name) ?? { comments, samples: new Map<string, number>() };
  families.set(name, family);
  return family;
}
