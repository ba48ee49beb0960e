// Asks a running pdserve over its control socket.

import type { RunFile } from "./run_dir.ts";

export type Answer<T> =
  | { readonly is: "answer"; readonly status: number; readonly body: T }
  | { readonly is: "silent"; readonly reason: string };

/** `limitMs` is for the whole answer; null where it may take as long as a model loads. */
export async function askRun<T>(
  { control }: Pick<RunFile, "control">,
  method: "GET" | "POST",
  path: string,
  limitMs: number | null,
): Promise<Answer<T>> {
  const limit = limitMs === null ? {} : { signal: AbortSignal.timeout(limitMs) };
  try {
    const answer = await fetch(`http://pdserve${path}`, { method, unix: control, ...limit, ...noTimeLimit });
    return { is: "answer", status: answer.status, body: await answer.json() as T };
  } catch (error) {
    return { is: "silent", reason: error instanceof Error ? error.message : String(error) };
  }
}

/** The runtime's own limit of five minutes is shorter than some engines' start. Its types do not know the member. */
const noTimeLimit: object = { timeout: false };

export interface RunEvent {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The state first, then what happens, until the run ends or `stop` is aborted. Ends without a word when the run is gone. */
export async function* followRun({ control }: Pick<RunFile, "control">, stop: AbortSignal): AsyncGenerator<RunEvent> {
  try {
    const answer = await fetch("http://pdserve/events", { unix: control, signal: stop, ...noTimeLimit });
    if (answer.body === null) return;
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of answer.body) {
      const blocks = (rest + decoder.decode(chunk, { stream: true })).split("\n\n");
      rest = blocks.pop() ?? "";
      yield* blocks.map(eventOf);
    }
  } catch {
    // The run ended, or whoever asked has gone.
  }
}

function eventOf(block: string): RunEvent {
  const [, type = "", data = "{}"] = /^event: (.*)\ndata: (.*)$/m.exec(block) ?? [];
  return { type, data: JSON.parse(data) };
}
