// Does the line say something that a layout of workers has said already, or asks it for an engine that there is not?

import type { Problem } from "./problem.ts";
import { settings } from "./settings.ts";
import { type Layout, originText, type Spec } from "./spec.ts";

const saidByLayout = ["pd", "prefillGpus", "decodeGpus", "encodeGpus", "tp", "prefillTp", "decodeTp"] as const;

export function checkLayout(layout: Layout, spec: Spec): readonly Problem[] {
  return [...saidTwice(layout, spec), ...wrongTotal(layout, spec), ...otherEngine(layout, spec)];
}

function saidTwice({ tool }: Layout, spec: Spec): Problem[] {
  return saidByLayout.filter((key) => spec.settings[key].value !== null).map((key) => ({
    what: `Leave out ${settings[key].flag}, or the ${tool} topology`,
    why: "each says which workers run on which GPUs",
    fix: "change the groups in the file, or leave the file out",
    where: originText(spec.settings[key].origin),
    severity: "error",
    exitCode: 2,
  }));
}

function wrongTotal({ groups, tool }: Layout, spec: Spec): Problem[] {
  const { value, origin } = spec.settings.rolloutNumGpus;
  const total = groups.reduce((sum, { gpus }) => sum + (typeof gpus === "number" ? gpus : gpus.length), 0);
  if (value === null || value === total) return [];
  return [{
    what: `--rollout-num-gpus ${value} is not the ${total} GPUs of the ${tool} topology`,
    why: `the groups, placeholders included, add up to ${
      groups.map(({ gpus }) => typeof gpus === "number" ? gpus : gpus.length).join(" + ")
    }`,
    fix: `--rollout-num-gpus ${total}, or leave it out`,
    where: originText(origin),
    severity: "error",
    exitCode: 2,
  }];
}

/** Simulated engines → whose protocol they speak. */
const simulates: Readonly<Record<string, string>> = { sim: "vllm", "sim-sglang": "sglang" };

function otherEngine({ engine, tool, groups }: Layout, spec: Spec): Problem[] {
  const asked = spec.settings.engine;
  if (engine === null || engine === asked.value || simulates[asked.value] === engine) return [];
  return [{
    what: `Run ${asked.value} workers where ${tool} runs ${engine}`,
    why: `--engine asks for it; overrides are said in its words, and routes of ${engine} alone are not served`,
    fix: `--engine ${engine}`,
    where: originText(groups[0]?.origin ?? asked.origin),
    severity: "warning",
  }];
}
