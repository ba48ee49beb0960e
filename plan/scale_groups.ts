// A layout that is too big for a node, made smaller in proportion.

import type { SizedGroup } from "./sized_group.ts";

/**
 * Fewer workers first, at least one in each group; where that is not enough, the largest workers are halved. Placeholders may go.
 * Listed ids become counts: those of the bigger box mean nothing here. Null when there is less than a GPU for each group.
 */
export function scaleGroups(groups: readonly SizedGroup[], room: number): readonly SizedGroup[] | null {
  const sizes = groups.map(({ gpusPerWorker }) => gpusPerWorker);
  const least = groups.map(({ role }) => role === "placeholder" ? 0 : 1);
  while (total(least, sizes) > room) {
    const largest = sizes.reduce(
      (best, size, at) => canHalve(groups[at], size) && size > (sizes[best] ?? 0) ? at : best,
      -1,
    );
    if (largest < 0) return null;
    sizes[largest] = (sizes[largest] ?? 2) / 2;
  }
  const factor = room / Math.max(1, total(groups.map(({ workers }) => workers), groups.map((g) => g.gpusPerWorker)));
  const counts = groups.map(({ workers }, at) => Math.max(least[at] ?? 0, Math.floor(workers * factor)));
  while (total(counts, sizes) > room) {
    const most = counts.reduce(
      (best, count, at) => count > (least[at] ?? 0) && count > (counts[best] ?? 0) ? at : best,
      -1,
    );
    if (most < 0) return null;
    counts[most] = (counts[most] ?? 1) - 1;
  }
  fillUp(counts, sizes, groups, room);
  return groups.map((group, at) => {
    const [workers, gpusPerWorker] = [counts[at] ?? 0, sizes[at] ?? 1];
    return { ...group, workers, gpusPerWorker, gpus: workers * gpusPerWorker, shape: shapeFor(group, gpusPerWorker) };
  });
}

/** What rounding left over goes to the groups that lost the largest share. */
function fillUp(counts: number[], sizes: readonly number[], groups: readonly SizedGroup[], room: number): void {
  for (;;) {
    const left = room - total(counts, sizes);
    const share = (at: number) => (counts[at] ?? 0) / Math.max(1, groups[at]?.workers ?? 1);
    const fitting = groups.map((_, at) => at).filter((at) =>
      groups[at]?.role !== "placeholder" && (sizes[at] ?? 1) <= left && share(at) < 1
    );
    const next = fitting.toSorted((a, b) => share(a) - share(b))[0];
    if (next === undefined) return;
    counts[next] = (counts[next] ?? 0) + 1;
  }
}

/** Tensor parallel size gives way first, then data parallel size; stages of a pipeline stay. */
function canHalve(group: SizedGroup | undefined, size: number): boolean {
  return group !== undefined && size % 2 === 0 && (size / 2) % (shapeFor(group, size / 2).dp * group.shape.pp) === 0;
}

function shapeFor({ shape }: SizedGroup, size: number): SizedGroup["shape"] {
  let { dp } = shape;
  while (dp % 2 === 0 && size % (dp * shape.pp) !== 0) dp /= 2;
  return { ...shape, dp };
}

function total(counts: readonly number[], sizes: readonly number[]): number {
  return counts.reduce((sum, count, at) => sum + count * (sizes[at] ?? 1), 0);
}
