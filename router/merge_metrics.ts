// The Prometheus texts of several workers as one: each series said once, with all workers' samples behind it, each sample with
// its worker and role. Source: text exposition format 0.0.4, which wants a series' lines together and its type once.

export interface WorkerText {
  readonly worker: string;
  readonly role: string;
  readonly text: string;
}

interface Family {
  /** `# HELP` and `# TYPE`, of the first worker that has them. */
  readonly comments: readonly string[];
  readonly samples: string[];
}

export function mergeMetrics(texts: readonly WorkerText[]): string {
  const families = new Map<string, Family>();
  for (const { worker, role, text } of texts) addText(text, `worker="${worker}",role="${role}"`, families);
  const lines = families.values().flatMap(({ comments, samples }) => [...comments, ...samples]).toArray();
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

function addText(text: string, labels: string, families: Map<string, Family>): void {
  let comments: string[] = [];
  let current = "";
  for (const line of text.split("\n")) {
    if (line.startsWith("# ")) {
      const name = line.split(" ", 3)[2] ?? "";
      if (name !== current) comments = [];
      current = name;
      comments.push(line);
    } else if (line !== "") {
      const sample = labelled(line, labels);
      if (sample === null) continue;
      // A histogram's `_bucket`, `_sum` and `_count` belong to the name its type was told under.
      const name = current !== "" && line.startsWith(current) ? current : line.slice(0, line.search(/[{ ]/));
      const family = families.get(name) ?? { comments: name === current ? comments : [], samples: [] };
      families.set(name, family);
      family.samples.push(sample);
    }
  }
}

/** Null for a line that is no sample. */
function labelled(line: string, labels: string): string | null {
  const brace = line.indexOf("{");
  const space = line.indexOf(" ");
  if (brace >= 0 && brace < space) {
    const rest = line.slice(brace + 1);
    return `${line.slice(0, brace)}{${labels}${rest.startsWith("}") ? "" : ","}${rest}`;
  }
  return space > 0 ? `${line.slice(0, space)}{${labels}}${line.slice(space)}` : null;
}
