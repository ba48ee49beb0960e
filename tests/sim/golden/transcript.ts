// The recordings of a real vLLM, read from their two formats into exchanges.

import { readFileSync } from "node:fs";
import { join } from "node:path";

export const GOLDEN = join(import.meta.dir, "../../fixtures/vllm-golden");

export interface Exchange {
  /** `prefill leg`, `decode leg 2`, …; empty in single/ and errors/. */
  readonly title: string;
  readonly method: string;
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string | null;
  /** 0 when no answer came before the recording client gave up. */
  readonly status: number;
  readonly answerHeaders: ReadonlyMap<string, string>;
  readonly answerBody: string;
}

export interface Legs {
  readonly exchanges: readonly Exchange[];
  /** Changes of counters over the whole file, by name and labels without engine and model_name. */
  readonly metricChanges: { readonly P: Record<string, number>; readonly D: Record<string, number> } | null;
}

/** single/ and errors/: `>>>` lines, then the raw answer. */
export function readSingle(file: string): Exchange {
  const lines = readFileSync(join(GOLDEN, file), "utf8").replaceAll("\r\n", "\n").split("\n");
  const asked = lines.filter((line) => line.startsWith(">>>")).map((line) => line.slice(4));
  const [method = "", path = ""] = (asked[0] ?? "").split(" ");
  const blank = asked.indexOf("");
  const answer = lines.slice(lines.findIndex((line) => line.startsWith("HTTP/1.1")));
  const end = answer.indexOf("");
  const close = answer.findIndex((line) => line.startsWith("<<< end"));
  const headers = asked.slice(1, blank < 0 ? undefined : blank).map(headerOf);
  return {
    title: "",
    method,
    path,
    headers,
    body: blank < 0 ? null : asked.slice(blank + 1).join("\n"),
    status: Number(answer[0]?.split(" ")[1]),
    answerHeaders: new Map(answer.slice(1, end).map(headerOf)),
    answerBody: answer.slice(end + 1, close).join("\n"),
  };
}

/** nixl/, push/, …: one `###` section an exchange, notes at the end. */
export function readLegs(file: string): Legs {
  const sections = readFileSync(join(GOLDEN, file), "utf8").split(/^### /m).slice(1);
  const exchanges = sections.filter((text) => !text.startsWith("notes")).map(readSection);
  const change = (side: string) => {
    const found = new RegExp(`^metric differences ${side}: (.*)$`, "m").exec(sections.at(-1) ?? "");
    return found ? JSON.parse(found[1]!) as Record<string, number> : null;
  };
  const P = change("P");
  const D = change("D");
  return { exchanges, metricChanges: P && D ? { P, D } : null };
}

function readSection(text: string): Exchange {
  const [head = "", ...lines] = text.split("\n");
  const [, title = "", method = "", path = ""] = /^(.*?)\s+(GET|POST) (\S+)/.exec(head) ?? [];
  const asked = lines.filter((line) => line.startsWith(">>> ")).map((line) => line.slice(4));
  const answered = lines.filter((line) => line.startsWith("<<< ")).map((line) => line.slice(4));
  const body = lines.slice(lines.findLastIndex((line) => line.startsWith("<<< ")) + 1).join("\n");
  return {
    title,
    method,
    path,
    headers: asked.filter((line) => !line.startsWith("{")).map(headerOf),
    body: asked.find((line) => line.startsWith("{")) ?? null,
    status: Number(/^\d+/.exec(answered[0] ?? "")?.[0]),
    answerHeaders: new Map(answered.slice(1).map(headerOf)),
    answerBody: body.trimEnd(),
  };
}

function headerOf(line: string): readonly [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}
