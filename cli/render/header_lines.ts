// The first lines of a run: what will run, on what, by which plan, from which settings file.

import type { Plan } from "../../plan/plan.ts";
import type { Paint } from "./color.ts";
import { wrapText } from "./text_width.ts";
import { engineTitle, isSimulator } from "../../supervisor/engines/engine_title.ts";

export interface HeaderFacts {
  readonly version: string;
  readonly plan: Plan;
  readonly configFile: string | null;
}

export function headerLines({ version, plan, configFile }: HeaderFacts, columns: number, paint: Paint): string[] {
  const facts = [
    engineText(plan),
    plan.connector.name,
    topologyText(plan),
    ...(isSimulator(plan.engine.name) ? [] : [plan.device]),
    ...(plan.router.processes === undefined ? [] : [`${plan.router.processes} router processes`]),
    `plan ${plan.planId}`,
    ...(configFile === null ? [] : [`settings ${configFile}`]),
  ];
  const first = `${paint.bold("pdserve")} ${version} ${paint.dim("·")} ${facts.join(paint.dim(" · "))}`;
  const reasons = [plan.connector.reason, ...(plan.split === null ? [] : [plan.split])];
  return [
    ...wrapText(first, columns - 2).map((line, at) => at === 0 ? line : `  ${line}`),
    ...reasons.flatMap((reason) => wrapText(reason, columns - 4)).map((line) => `  ${paint.dim(line)}`),
  ];
}

function engineText({ engine, workers }: Plan): string {
  if (isSimulator(engine.name)) return "simulated engines";
  if (workers.some(({ external }) => external !== null)) return "workers started by others";
  return `${engineTitle(engine.name)} ${engine.version}`;
}

/** `2P2D`, and what is neither prefill nor decode behind it. */
export function topologyText(plan: Plan): string {
  const count = (role: string) => plan.workers.filter((worker) => worker.role === role).length;
  const other = plan.workers.length - count("prefill") - count("decode");
  return `${count("prefill")}P${count("decode")}D${other > 0 ? ` + ${other}` : ""}`;
}
