// The workers of another tool's file: its groups, given sizes and GPUs in the order they are written.

import type { Engine } from "../supervisor/engines/engine.ts";
import { checkLayout } from "./check_layout.ts";
import { type Crew, type CrewWish, workerSlot } from "./crew.ts";
import type { Machine } from "./machine.ts";
import { placeGroups } from "./place_groups.ts";
import { type SizedGroup, sizedGroup } from "./sized_group.ts";
import type { Layout, Spec } from "./spec.ts";
import type { Surroundings } from "./surroundings.ts";

export function crewOfLayout(
  layout: Layout,
  spec: Spec,
  machine: Machine,
  engine: Engine,
  around: Surroundings,
): CrewWish {
  const sized = layout.groups.map((group) => sizedGroup(group, spec, engine));
  const groups = sized.map(({ group }) => group);
  return {
    userArgs: groups.flatMap(({ shape }) => shape.userArgs),
    secrets: Object.assign({}, ...groups.map(({ shape }) => shape.env)),
    problems: [...checkLayout(layout, spec), ...sized.flatMap(({ problems }) => problems)],
    place: (namesOnly) => {
      // A group that is wrong by itself would only make the places wrong too.
      if (sized.some(({ problems }) => problems.length > 0)) return nobody;
      const placed = placeGroups(groups, machine, { namesOnly, scales: spec.settings.scaleToNode.value });
      return { ...workersOf(placed.groups, around), split: placed.reason, problems: placed.problems };
    },
  };
}

const nobody: Crew = { workers: [], split: null, ports: {}, problems: [] };

function workersOf(
  groups: readonly { readonly group: SizedGroup; readonly workers: readonly (readonly string[])[] }[],
  around: Surroundings,
): Pick<Crew, "workers" | "ports"> {
  const count = { prefill: 0, decode: 0, regular: 0, encode: 0 };
  const made = groups.flatMap(({ group, workers }) => {
    const { role, shape, ports } = group;
    if (role === "placeholder") return [];
    return workers.map((gpus, step) => ({
      worker: workerSlot(role, count[role]++, gpus, shape, around),
      ports: Object.fromEntries(Object.entries(ports).map(([purpose, first]) => [purpose, first + step])),
    }));
  });
  return {
    workers: made.map(({ worker }) => worker),
    ports: Object.fromEntries(made.map(({ worker, ports }) => [worker.name, ports])),
  };
}
