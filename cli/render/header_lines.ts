// The first lines of a run: what will run, on what, by which plan, from which settings file.

import type { Plan } from "../../plan/plan.ts";
import type { Paint } from "./color.ts";
import { cutText } from "./text_width.ts";

export interface HeaderFacts {
  readonly version: string;
  readonly plan: Plan;
  readonly configFile: string | null;
}

export function headerLines({ version, plan, configFile }: HeaderFacts, columns: number, paint: Paint): string[] {
  const facts = [
    ...(plan.engine.name === "sim" ? ["simulated engines"] : [`${plan.engine.name} ${plan.engine.version}`]),
    plan.connector.name,
    topologyText(plan),
    ...(plan.engine.name === "sim" ? [] : [plan.device]),
    `plan ${plan.planId}`,
    ...(configFile === null ? [] : [`settings ${configFile}`]),
  ];
  return [
    `${paint.bold("pdserve")} ${version} ${paint.dim("·")} ${facts.join(paint.dim(" · "))}`,
    `  ${paint.dim(`${plan.connector.name}: ${plan.connector.reason}`)}`,
    ...(plan.split === null ? [] : [`  ${paint.dim(plan.split)}`]),
  ].map((line) => cutText(line, columns));
}

/** `2P2D`, and what is neither prefill nor decode behind it. */
export function topologyText(plan: Plan): string {
  const count = (role: string) => plan.workers.filter((worker) => worker.role === role).length;
  const other = plan.workers.length - count("prefill") - count("decode");
  return `${count("prefill")}P${count("decode")}D${other > 0 ? ` + ${other}` : ""}`;
}
