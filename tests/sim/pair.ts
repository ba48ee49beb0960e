// A prefill and a decode engine, and the two legs a router would send.

import { post, type Sim, type SimOptions, startSim } from "./start_sim.ts";

export interface Pair {
  readonly P: Sim;
  readonly D: Sim;
  stop(): Promise<void>;
}

export type Params = Record<string, unknown>;

export interface Completion {
  readonly choices: readonly { readonly text: string; readonly finish_reason: string }[];
  readonly kv_transfer_params: Params | null;
}

/** Of 70 tokens: more than two blocks of 32. */
export const PROMPT = "A prompt that is longer than two blocks, so that something is left over";

export async function startPair(
  config: Params,
  { prefill = {}, decode = {} }: { readonly prefill?: SimOptions; readonly decode?: SimOptions } = {},
): Promise<Pair> {
  const args = ["--block-size", "32", "--sim-handshake-timeout-ms", "50"];
  const start = (kv_role: string, own: SimOptions) =>
    startSim({ ...own, args: [...args, ...own.args ?? []], connector: { ...config, kv_role, ...own.connector } });
  const [P, D] = await Promise.all([start("kv_producer", prefill), start("kv_consumer", decode)]);
  return {
    P,
    D,
    async stop() {
      await Promise.all([P.stop(), D.stop()]);
    },
  };
}

export async function prefill(sim: Sim, prompt: string | string[] = PROMPT, more: Params = {}): Promise<Params> {
  const answer = await complete(sim, {
    prompt,
    max_tokens: 1,
    kv_transfer_params: { do_remote_decode: true },
    ...more,
  });
  return answer.kv_transfer_params ?? {};
}

/** The text of a plain or decode leg request. */
export async function textOf(sim: Sim, more: Params = {}): Promise<string> {
  return (await complete(sim, { prompt: PROMPT, max_tokens: 12, ...more })).choices[0]?.text ?? "";
}

export async function complete(sim: Sim, body: Params): Promise<Completion> {
  const answer = await post(sim, "/v1/completions", { model: "tiny", temperature: 0, ...body });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return await answer.json() as Completion;
}

export async function violationsOf(sim: Sim): Promise<readonly string[]> {
  return (await sim.json("/sim/violations") as { rule: string }[]).map(({ rule }) => rule);
}

export interface EngineState {
  readonly running: number;
  readonly waiting: number;
  readonly loading: number;
  readonly blocksUsed: number;
  readonly connector: { readonly leases?: readonly unknown[] } | null;
}

export async function engineState(sim: Sim): Promise<EngineState> {
  return (await sim.json("/sim/state") as { engines: EngineState[] }).engines[0]!;
}

/** One number of /metrics, e.g. `vllm:prompt_tokens_by_source_total` with `source="local_compute"`. */
export async function metric(sim: Sim, name: string, label = ""): Promise<number> {
  const page = await (await fetch(`${sim.url}/metrics`)).text();
  const line = page.split("\n").find((line) => line.startsWith(`${name}{`) && line.includes(label));
  return Number(line?.split(" ").at(-1));
}
