// How one request ended for its client, and whether that may be.

export type Ending =
  | { readonly is: "right" }
  /** Told to the client in words: an error status, or an error inside a stream that had begun (R2). */
  | { readonly is: "refused" | "cut"; readonly cause: string }
  /** What must never be. */
  | { readonly is: "wrong"; readonly what: string };

export interface Question {
  readonly prompt: string;
  readonly stream: boolean;
}

const MAX_TOKENS = 12;

/** `expected` is the text of the same prompt from a quiet fleet; null takes any. */
export async function askAndJudge(url: string, { prompt, stream }: Question, expected: string | null): Promise<Ending> {
  let answer: Response;
  try {
    answer = await fetch(`${url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "demo-model", prompt, max_tokens: MAX_TOKENS, temperature: 0, stream }),
    });
  } catch (error) {
    return { is: "wrong", what: `no answer at all: ${String(error)}` };
  }
  const text = await answer.text().catch((error) => `broken off: ${String(error)}`);
  if (answer.status !== 200) return refusal(answer.status, text);
  return stream ? judgeStream(text, expected) : judgeWhole(text, expected);
}

export async function textOf(url: string, prompt: string): Promise<string> {
  const body = JSON.stringify({ model: "demo-model", prompt, max_tokens: MAX_TOKENS, temperature: 0 });
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${url}/v1/completions`, { method: "POST", headers, body });
  return JSON.parse(await answer.text()).choices[0].text;
}

function judgeWhole(body: string, expected: string | null): Ending {
  const { text, finish_reason: reason } = parsed(body)?.["choices"]?.[0] ?? {};
  if (typeof text !== "string") return { is: "wrong", what: `200 without an answer: ${body.slice(0, 200)}` };
  return reason === "abort" ? aborted : compare(text, expected);
}

/** vLLM's own word for what it did not finish, when it is told to end. */
const aborted: Ending = { is: "cut", cause: "finish_reason abort" };

function judgeStream(body: string, expected: string | null): Ending {
  const events = body.split("\n\n").filter((event) => event.startsWith("data: ")).map((event) => event.slice(6));
  const chunks = events.filter((event) => event !== "[DONE]").map(parsed);
  const error = chunks.find((chunk) => chunk?.["error"] !== undefined)?.["error"];
  if (error !== undefined) return { is: "cut", cause: causeOf(error.message) };
  const text = chunks.map((chunk) => chunk?.["choices"]?.[0]?.text ?? "").join("");
  if (events.at(-1) !== "[DONE]") {
    return { is: "wrong", what: `a stream that ended without a word: ${body.slice(-200)}` };
  }
  if (chunks.some((chunk) => chunk?.["choices"]?.[0]?.finish_reason === "abort")) return aborted;
  return compare(text, expected);
}

function compare(text: string, expected: string | null): Ending {
  if (expected === null || text === expected) return { is: "right" };
  return { is: "wrong", what: `another text: ${JSON.stringify(text)} instead of ${JSON.stringify(expected)}` };
}

function refusal(status: number, body: string): Ending {
  const error = parsed(body)?.["error"];
  if (typeof error?.message !== "string" || error.message === "") {
    return { is: "wrong", what: `${status} without a reason: ${body.slice(0, 200)}` };
  }
  const by = error.src === "pdserve" ? "" : "the worker's own: ";
  return { is: "refused", cause: `${status} ${by}${causeOf(error.message)}` };
}

/** Names and numbers taken out, so that like causes count together. */
function causeOf(message: string): string {
  return message.replaceAll(/\b(prefill|decode)-\d+\b/g, "$1-N").replaceAll(/\d+(\.\d+)?/g, "N").slice(0, 120);
}

// deno-lint-ignore no-explicit-any -- whatever a worker says
function parsed(text: string): Record<string, any> | null {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
