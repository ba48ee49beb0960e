// `pdserve sim-engine --help`.

import { type SimFlag, simFlags } from "./settings/sim_flags.ts";

export function helpText(): string {
  const rows = simFlags.map((flag: SimFlag) => `  ${usage(flag).padEnd(38)} ${flag.help}${fallback(flag)}\n`);
  return [
    "usage: pdserve sim-engine MODEL [vllm serve flags] [--sim-* flags]\n\n",
    "Plays vllm serve without a model or a GPU: routes, errors, metrics, log lines and KV connectors of vLLM 0.32.\n",
    "Its text follows from the KV it holds, so a wrong or missing handoff shows in the answer.\n\n",
    "What it was told and what went wrong: GET /sim/requests, /sim/state, /sim/violations; POST /sim/faults.\n\n",
    ...rows,
  ].join("");
}

function usage({ name, value }: SimFlag): string {
  if (value === null) return `--sim-${name}`;
  return `--sim-${name} ${typeof value === "string" ? value.toUpperCase() : value.join("|")}`;
}

function fallback({ fallback }: SimFlag): string {
  return fallback === "" || fallback === "0" ? "" : ` [${fallback}]`;
}
