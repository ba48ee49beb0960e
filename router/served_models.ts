// Which models the whole workers beside the pairs serve, as their own lists say: a request for another model than the pairs'
// goes to them, and one that must not be split goes to a worker of its own model.

import type { Roster, Slot } from "./roster.ts";
import type { UpstreamClient } from "./upstream/client.ts";
import { getFromWorker } from "./worker_get.ts";

export interface ServedModels {
  /** Whole workers whose lists have this model. */
  regularFor(model: string): readonly Slot[];
  /** Whether there are both: only then models have to be told apart. */
  readonly isMixed: boolean;
  /** Asks the whole workers that have not told yet, or are another process now. */
  look(): Promise<void>;
  close(): void;
}

interface Told {
  readonly generation: number;
  readonly models: ReadonlySet<string>;
}

const PERIOD_MS = 2_000;
const LIMIT_MS = 2_000;

export function makeServedModels(roster: Roster, upstream: UpstreamClient): ServedModels {
  const told = new Map<string, Told>();
  const isMixed = () => roster.regular.length > 0 && roster.prefill.length > 0;
  const look = async () => {
    if (!isMixed()) return;
    const silent = roster.regular.filter(({ name, worker }) => told.get(name)?.generation !== worker.generation);
    await Promise.all(silent.map(async ({ name, worker }) => {
      const where = { url: worker.url, path: "/v1/models", apiKey: roster.workerApiKey, limitMs: LIMIT_MS };
      const answer = await getFromWorker(upstream, where);
      const models = answer.is === "text" && answer.status === 200 ? namesIn(answer.text) : null;
      if (models !== null) told.set(name, { generation: worker.generation, models });
    }));
  };
  // Also a reload begins here, and its first request may be one for them.
  void look();
  const timer = setInterval(() => void look(), PERIOD_MS);
  timer.unref();
  return {
    regularFor: (model) => roster.regular.filter(({ name }) => told.get(name)?.models.has(model)),
    get isMixed() {
      return isMixed();
    },
    look,
    close: () => clearInterval(timer),
  };
}

function namesIn(text: string): ReadonlySet<string> | null {
  try {
    const { data } = JSON.parse(text) as { data: readonly { readonly id: string }[] };
    return new Set(data.map(({ id }) => id));
  } catch {
    return null;
  }
}
