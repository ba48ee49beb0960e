// Asks over a connection of its own each time, so that the kernel chooses anew which of several processes gets it.

import { readdirSync, readFileSync } from "node:fs";
import { type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";

export interface Asked {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

interface Question {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export const completion = (extra: Readonly<Record<string, unknown>> = {}) => {
  return { model: "demo-model", prompt: "one two three", max_tokens: 2, ...extra };
};

/** POST with a body, else GET. */
export async function ask(url: string, path: string, question: Question): Promise<Asked> {
  const answer = await open(url + path, question);
  let text = "";
  for await (const chunk of answer) text += chunk;
  return { status: answer.statusCode ?? 0, headers: answer.headers, text };
}

/** `begun`: the first bytes have come. */
export function askStream(url: string, body: unknown): { begun: Promise<void>; ended: Promise<"complete" | "broken"> } {
  const begun = Promise.withResolvers<void>();
  const ended = (async () => {
    let text = "";
    try {
      for await (const chunk of await open(`${url}/v1/completions`, { body })) {
        text += chunk;
        begun.resolve();
      }
    } catch (error) {
      begun.reject(error);
    }
    return text.endsWith("data: [DONE]\n\n") ? "complete" as const : "broken" as const;
  })();
  return { begun: begun.promise, ended };
}

export async function metric(url: string, line: string): Promise<number> {
  const { text } = await ask(url, "/metrics", {});
  const found = text.split("\n").find((one) => one.startsWith(`${line} `));
  return found === undefined ? NaN : Number(found.slice(line.length + 1));
}

/** The test's own time limit ends a wait that never does. */
export async function untilMetric(url: string, line: string, value: number): Promise<void> {
  while (await metric(url, line) !== value) await Bun.sleep(20);
}

/** Children of a process that have this word on their command line. */
export function pidsOf(parent: number, word: string): readonly number[] {
  return readdirSync("/proc").map(Number).filter((pid) => {
    try {
      const isChild = readFileSync(`/proc/${pid}/stat`, "latin1").replace(/^.*\) . /s, "").startsWith(`${parent} `);
      return isChild && readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0").includes(word);
    } catch {
      return false;
    }
  });
}

function open(url: string, { body, headers = {} }: Question): Promise<IncomingMessage> {
  const method = body === undefined ? "GET" : "POST";
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, agent: false, headers: { "content-type": "application/json", ...headers } });
    sent.on("response", resolve);
    sent.on("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
