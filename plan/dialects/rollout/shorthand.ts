// vime's and slime's layouts without a file: --prefill-num-servers, or --rollout-num-gpus alone.

import { emptyLayer } from "../../layer.ts";
import { runsAlready } from "../../plan_external.ts";
import type { Problem } from "../../problem.ts";
import type { Layout, Origin, Settings, WorkerGroup } from "../../spec.ts";
import type { ReadFile } from "../dialect.ts";
import { longRequests, rolloutLimitS } from "../long_requests.ts";
import { errorAt } from "../tell.ts";

/** Null where the line asks for neither. */
export function readShorthand(settings: Settings): ReadFile | null {
  const { prefillNumServers: servers, rolloutNumGpus: gpus, rolloutGpusPerEngine: perEngine } = settings;
  const size = perEngine.value ?? 1;
  if (gpus.value === 0) return nobody(settings, gpus.origin);
  if (servers.value === null) {
    return gpus.value === null ? null : laidOut([group("regular", gpus.value, size, gpus.origin)]);
  }
  const prefill = servers.value * size;
  if (gpus.value === null || gpus.value <= prefill) {
    return wrong(errorAt(servers.origin, {
      what: `--prefill-num-servers ${servers.value} leaves no GPUs for decode`,
      why: gpus.value === null
        ? "decode gets the rest of --rollout-num-gpus, which is not given"
        : `${servers.value} of ${size} take ${prefill} of --rollout-num-gpus ${gpus.value}`,
      fix: `--rollout-num-gpus ${prefill + size}`,
    }));
  }
  return laidOut([
    group("prefill", prefill, size, servers.origin),
    group("decode", gpus.value - prefill, size, gpus.origin),
  ]);
}

function group(role: WorkerGroup["role"], gpus: number, gpusPerWorker: number, origin: Origin): WorkerGroup {
  return { role, origin, gpus, gpusPerWorker, args: [], env: [] };
}

function laidOut(groups: readonly WorkerGroup[]): ReadFile {
  const layout: Layout = {
    ...{ tool: "--rollout-num-gpus", engine: null, model: null, groups },
    ...{ ports: "search", updatesWeights: null },
  };
  const sayings = longRequests(rolloutLimitS, groups[0]?.origin ?? { is: "default" });
  return { layer: { ...emptyLayer, sayings, layout }, problems: [] };
}

/** A router alone: right beside URLs, and nothing without them. */
function nobody(settings: Settings, origin: Origin): ReadFile {
  if (runsAlready(settings)) return { layer: emptyLayer, problems: [] };
  return wrong(errorAt(origin, {
    what: "Name the workers that the router is for",
    why: "--rollout-num-gpus 0 starts none of its own",
    fix: "--prefill http://127.0.0.1:8100 --decode http://127.0.0.1:8200",
  }));
}

function wrong(problem: Problem): ReadFile {
  return { layer: emptyLayer, problems: [problem] };
}
