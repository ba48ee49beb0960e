// Real logs of failing vLLM starts as evidence. Their heads tell the command and how it ended.

import { readdirSync, readFileSync } from "node:fs";
import type { Evidence } from "../../supervisor/engines/engine.ts";

const folder = new URL("../fixtures/vllm-startup/", import.meta.url);

interface Expected {
  readonly rule: string | null;
  readonly why: string;
  readonly fix: string;
  /** How the line begins that is shown as the cause. */
  readonly marks: string | null;
}

/** What each recorded start must be told as. */
export const expectedStarts = JSON.parse(linesOf("expected.json").join("\n")) as Readonly<Record<string, Expected>>;

export function recordedStarts(): string[] {
  return readdirSync(folder).filter((name) => name.endsWith(".log")).map((name) => name.replace(/\.log$/, "")).sort();
}

/** A recorded start; one that hung or came up has no exit. */
export function startEvidence(name: string, differences: Partial<Evidence> = {}): Evidence {
  const text = linesOf(`${name}.log`);
  const exit = /^<<< exit (\d+)/.exec(text.find((line) => line.startsWith("<<<")) ?? "")?.[1];
  const command = text.find((line) => line.startsWith(">>>")) ?? "";
  return {
    lines: text.filter((line) => !/^(?:>>>|<<<|###|\.\.\.$)/.test(line)),
    exitCode: exit === undefined ? null : Number(exit),
    signal: null,
    role: "decode",
    worker: "decode-0",
    gpus: ["3"],
    argv: wordsOf(command.slice(command.indexOf("vllm serve"))),
    ...differences,
  };
}

export function linesOf(name: string): string[] {
  return readFileSync(new URL(name, folder), "utf8").split("\n");
}

/** A shell command's words, as far as the recordings need it: both quotes, no escapes. */
function wordsOf(command: string): string[] {
  return [...command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, single, double, bare]) =>
    single ?? double ?? bare ?? ""
  );
}
