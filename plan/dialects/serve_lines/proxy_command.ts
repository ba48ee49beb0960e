// The command line of a proxy people run in front of their workers, as settings of pdserve's router.

import { readFlags } from "../../engine_flags.ts";
import type { Saying } from "../../layer.ts";
import type { Problem } from "../../problem.ts";
import type { Origin } from "../../spec.ts";
import { proxyFlag } from "../proxy_flags.ts";
import { warningAt } from "../tell.ts";

export interface ProxyCommand {
  readonly sayings: readonly Saying[];
  /** Ports of the workers it names by role. */
  readonly ports: { readonly prefill: readonly string[]; readonly decode: readonly string[] };
}

const toyFlags = {
  prefill: ["--prefiller-ports", "--prefiller-port", "--prefill"],
  decode: ["--decoder-ports", "--decoder-port", "--decode"],
} as const;

/** Said by the topology instead. */
const replaced = new Set([
  ...["--prefill", "--decode", "--vllm-pd-disaggregation", "--pd-disaggregation"],
  ...["--prefiller-hosts", "--prefiller-host", "--prefiller-ports", "--prefiller-port"],
  ...["--decoder-hosts", "--decoder-host", "--decoder-ports", "--decoder-port"],
]);

/** Null for a command that is no proxy pdserve knows. */
export function readProxyCommand(words: readonly string[], origin: Origin, problems: Problem[]): ProxyCommand | null {
  if (!isKnownProxy(words)) return null;
  // `cargo run --release -- …`: the router's own flags follow.
  const own = words.includes("--") ? words.slice(words.indexOf("--") + 1) : words;
  const sayings: Saying[] = [];
  const ignored: string[] = [];
  for (
    const { name, value } of readFlags(own, { "--vllm-pd-disaggregation": "switch", "--pd-disaggregation": "switch" })
  ) {
    const said = proxyFlag(name, value, origin, problems);
    if (said !== null) sayings.push(...said);
    else if (!replaced.has(name)) ignored.push(name);
  }
  if (ignored.length > 0) {
    problems.push(warningAt(origin, {
      what: `Leave out the proxy's ${ignored.join(", ")}`,
      why: "pdserve's own router stands in for it and has no such flag",
      fix: "pdserve --help=Router shows what there is",
    }));
  }
  return { sayings, ports: { prefill: portsOf("prefill", own), decode: portsOf("decode", own) } };
}

function isKnownProxy(words: readonly string[]): boolean {
  return words.some((word) =>
    /(toy_proxy_server|disagg_proxy\w*|disagg_prefill_proxy_server|load_balance_proxy\w*|\w*proxy_server)\.py$/.test(
      word,
    ) ||
    /(^|\/)(vllm-router|sglang-router|sgl-model-gateway)$/.test(word) || word === "sglang_router.launch_router" ||
    word === "--vllm-pd-disaggregation" || word === "--pd-disaggregation"
  );
}

function portsOf(role: "prefill" | "decode", words: readonly string[]): string[] {
  return readFlags(words, {}).filter(({ name }) => (toyFlags[role] as readonly string[]).includes(name))
    .flatMap(({ value }) => value.split(/[\s,]+/)).map((word) => /(\d+)\/?$/.exec(word)?.[1] ?? "").filter(Boolean);
}
