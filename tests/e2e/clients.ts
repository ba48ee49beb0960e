// What the official npm clients of OpenAI and Anthropic see of a server: each case gives what two servers must have in common.

import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

export interface ClientCase {
  readonly client: "openai" | "anthropic";
  readonly name: string;
  readonly status: number;
  ask(server: Server): Promise<Seen>;
}

/** What the client saw, as types: an answer, the events of a stream, or the error that it threw. */
export interface Seen {
  readonly status: number | undefined;
  readonly as: string;
  readonly shape: unknown;
}

export interface Server {
  /** Without `/v1`. */
  readonly url: string;
  readonly model: string;
}

const messages = [{ role: "user" as const, content: "Tell me something about rivers" }];
const prompt = "Tell me something about lakes";
const greedy = { temperature: 0, max_tokens: 6 };
const stream = true as const;
const usageToo = { stream_options: { include_usage: true } };

export const clientCases: readonly ClientCase[] = [
  openai("models.list", async ({ api }) => (await api.models.list()).data),
  openai("completions.create", ({ api, model }) => api.completions.create({ model, prompt, ...greedy })),
  openai("completions.create with logprobs and echo", ({ api, model }) => {
    return api.completions.create({ model, prompt, ...greedy, logprobs: 2, echo: true });
  }),
  openai("completions.create of two prompts", ({ api, model }) => {
    return api.completions.create({ model, prompt: [prompt, "and of seas"], ...greedy });
  }),
  openai("completions.create, streamed with usage", async ({ api, model }) => {
    return eventsOf(await api.completions.create({ model, prompt, ...greedy, stream, ...usageToo }));
  }),
  openai("chat.completions.create", ({ api, model }) => api.chat.completions.create({ model, messages, ...greedy })),
  openai("chat.completions.create with n = 2 and logprobs", ({ api, model }) => {
    const sampled = { n: 2, temperature: 0.7, seed: 7, logprobs: true, top_logprobs: 2, max_tokens: 4 };
    return api.chat.completions.create({ model, messages, ...sampled });
  }),
  openai("chat.completions.create, streamed", async ({ api, model }) => {
    return eventsOf(await api.chat.completions.create({ model, messages, ...greedy, stream }));
  }),
  openai("chat.completions.create, streamed with usage", async ({ api, model }) => {
    return eventsOf(await api.chat.completions.create({ model, messages, ...greedy, stream, ...usageToo }));
  }),
  openai("responses.create", ({ api, model }) => {
    return api.responses.create({ model, input: prompt, temperature: 0, max_output_tokens: 6 });
  }),
  openai("responses.create, streamed", async ({ api, model }) => {
    return eventsOf(await api.responses.create({ model, input: prompt, temperature: 0, max_output_tokens: 6, stream }));
  }),
  openai("an unknown model", ({ api }) => api.completions.create({ model: "no-such-model", prompt }), 404),
  openai("max_tokens below zero", ({ api, model }) => api.completions.create({ model, prompt, max_tokens: -3 }), 400),
  openai("a chat without messages", ({ api, model }) => {
    return api.chat.completions.create({ model } as unknown as { model: string; messages: [] });
  }, 400),
  anthropic("messages.create", ({ api, model }) => api.messages.create({ model, messages, max_tokens: 6 })),
  anthropic("messages.create, streamed", async ({ api, model }) => {
    return eventsOf(await api.messages.create({ model, messages, max_tokens: 6, stream }));
  }),
  anthropic("messages.stream, its last message", ({ api, model }) => {
    return api.messages.stream({ model, messages, max_tokens: 6 }).finalMessage();
  }),
  anthropic("messages.create with a system prompt", ({ api, model }) => {
    return api.messages.create({ model, messages, max_tokens: 6, system: "Answer briefly" });
  }),
  anthropic("an unknown model", ({ api }) => {
    return api.messages.create({ model: "no-such-model", messages, max_tokens: 6 });
  }, 404),
  anthropic("max_tokens of no kind", ({ api, model }) => {
    return api.messages.create({ model, messages, max_tokens: "many" as unknown as number });
  }, 400),
];

type Ask<Client> = (asked: { readonly api: Client; readonly model: string }) => PromiseLike<unknown>;

function openai(name: string, ask: Ask<OpenAI>, status = 200): ClientCase {
  const open = (url: string) => new OpenAI({ baseURL: `${url}/v1`, apiKey: "unused", maxRetries: 0, timeout: 50_000 });
  return { client: "openai", name, status, ask: ({ url, model }) => seenBy(() => ask({ api: open(url), model })) };
}

function anthropic(name: string, ask: Ask<Anthropic>, status = 200): ClientCase {
  const open = (url: string) => new Anthropic({ baseURL: url, apiKey: "unused", maxRetries: 0, timeout: 50_000 });
  return { client: "anthropic", name, status, ask: ({ url, model }) => seenBy(() => ask({ api: open(url), model })) };
}

async function seenBy(ask: () => PromiseLike<unknown>): Promise<Seen> {
  try {
    return { status: 200, as: "answer", shape: shapeOf(await ask()) };
  } catch (error) {
    if (!(error instanceof OpenAI.APIError || error instanceof Anthropic.APIError)) throw error;
    return { status: error.status, as: error.constructor.name, shape: shapeOf(error.error) };
  }
}

async function eventsOf(events: AsyncIterable<unknown>): Promise<readonly unknown[]> {
  const all: unknown[] = [];
  for await (const event of events) all.push(event);
  if (all.length === 0) throw new Error("a stream without any event");
  return all;
}

/** Types of all members; a list keeps each kind of element once, so that how many tokens a chunk holds does not matter. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return [...new Set(value.map((member) => JSON.stringify(shapeOf(member))))].sort();
  if (value === null || typeof value !== "object") return value === null ? "null" : typeof value;
  // The clients hide the request's id and their own state in members that start so.
  const members = Object.entries(value).filter(([name]) => !name.startsWith("_"));
  return Object.fromEntries(members.map(([name, member]) => [name, shapeOf(member)]).sort());
}
