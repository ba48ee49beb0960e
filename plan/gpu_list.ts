// How `--prefill-gpus` and `--pd` are read: which ids, in which groups, how many of each role.

/** `0,1` and `0-3` are one group of ids; `0,1;2,3` are two workers. Null when the text is neither. */
export function readGpuList(text: string): readonly (readonly string[])[] | null {
  const groups = text.split(";").map((group) => group.split(",").flatMap(readIds));
  return groups.some((group) => group.length === 0 || group.includes("")) ? null : groups;
}

/** `0-3` counts up; anything else, `GPU-1b2c…` included, is one id. */
function readIds(item: string): string[] {
  const word = item.trim();
  const range = /^(\d+)\s*-\s*(\d+)$/.exec(word);
  if (range === null) return /\s/.test(word) ? [""] : [word];
  const [first, last] = [Number(range[1]), Number(range[2])];
  // A mistyped `0-70000` must not become a list of 70000 ids.
  if (last < first || last - first > 1023) return [""];
  return Array.from({ length: last - first + 1 }, (_, step) => String(first + step));
}

/** As `--prefill-gpus` takes it: `0,1`, or `0,1;2,3` for workers of several GPUs. */
export function writeGpuList(groups: readonly (readonly string[])[]): string {
  const between = groups.some((group) => group.length > 1) ? ";" : ",";
  return groups.map((group) => group.join(",")).join(between);
}

export interface PdCounts {
  readonly prefill: number;
  readonly decode: number;
}

/** `2P1D`, `2p1d`. Null when it is not of that form or a role has no worker. */
export function readPdCounts(text: string): PdCounts | null {
  const match = /^(\d{1,4})p(\d{1,4})d$/i.exec(text.trim());
  const counts = { prefill: Number(match?.[1] ?? 0), decode: Number(match?.[2] ?? 0) };
  return counts.prefill > 0 && counts.decode > 0 ? counts : null;
}
