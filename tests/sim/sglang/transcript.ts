// The recordings of a real SGLang: one exchange, or the prefill and decode legs of one request, in a file.

import { readFileSync } from "node:fs";
import { join } from "node:path";

export const GOLDEN = join(import.meta.dir, "../../fixtures/sglang-golden");

export interface Exchange {
  readonly leg: "prefill" | "decode" | null;
  readonly method: string;
  readonly path: string;
  readonly contentType: string | null;
  readonly body: string;
  /** 0 when no answer came before the recording client gave up, or the server died. */
  readonly status: number;
  readonly answerType: string;
  readonly answer: string;
}

export function readExchanges(file: string): readonly Exchange[] {
  const text = readFileSync(join(GOLDEN, file), "utf8").replaceAll("\r\n", "\n");
  const parts = text.split(/^===== (prefill|decode) leg =====$/m);
  if (parts.length === 1) return [readOne(text, null)];
  return parts.slice(1).flatMap((part, at, all) => at % 2 === 0 ? [readOne(all[at + 1] ?? "", part as "prefill")] : []);
}

function readOne(text: string, leg: Exchange["leg"]): Exchange {
  const lines = text.split("\n");
  const asked = lines.filter((line) => line.startsWith(">>>")).map((line) => line.slice(4));
  const [method = "", path = ""] = (asked[0] ?? "").split(" ");
  const blank = asked.indexOf("");
  const start = lines.findIndex((line) => line.startsWith("HTTP/1.1"));
  const answered = start < 0 ? [] : lines.slice(start);
  const head = answered.slice(0, answered.indexOf(""));
  const end = answered.findLastIndex((line) => line.startsWith("---  "));
  const header = (list: readonly string[], name: string) =>
    list.find((line) => line.toLowerCase().startsWith(`${name}:`))?.slice(name.length + 1).trim() ?? null;
  return {
    ...{ leg, method, path, contentType: header(asked, "content-type"), body: asked.slice(blank + 1).join("\n") },
    status: Number(head[0]?.split(" ")[1] ?? 0),
    answerType: header(head, "content-type") ?? "",
    answer: answered.slice(answered.indexOf("") + 1, end).join("\n"),
  };
}
