// Which port does each process get? All of them below the ephemeral range, none taken, none twice.

export interface PortWish {
  readonly owner: string;
  readonly purpose: string;
  /** Consecutive numbers. */
  readonly count: number;
  /** The search starts here and goes up. */
  readonly preferred: number;
}

export interface AllocatedPorts {
  /** ports[owner][purpose], each the list of its consecutive numbers. */
  readonly ports: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;
  /** Wishes for which no room was left. */
  readonly unplaced: readonly PortWish[];
}

/**
 * Defaults of vLLM features a user may turn on beside ours, one or several ports from there: KV events 5557 + DP rank,
 * the encoder side channel 5601, the P2P offload tier 5710 + DP index.
 */
const keptFree = new Set([5557, 5558, 5559, 5560, 5601, 5710, 5711, 5712, 5713]);

const lowestPort = 1024;
const fallbackFrom = 10_000;

/** `below` is the first port the kernel hands out by itself: above it, any outgoing connection may take a planned port. */
export function allocatePorts(wishes: readonly PortWish[], busy: Iterable<number>, below: number): AllocatedPorts {
  const taken = new Set(busy);
  // A box that gives nearly everything to the ephemeral range leaves no choice: any free port then.
  const limit = below > fallbackFrom ? below : 65_536;
  const ports: Record<string, Record<string, readonly number[]>> = {};
  const unplaced: PortWish[] = [];
  for (const wish of wishes) {
    const first = firstFree(wish.preferred, wish.count, taken, limit);
    if (first === null) {
      unplaced.push(wish);
      continue;
    }
    const numbers = consecutive(first, wish.count);
    for (const port of numbers) taken.add(port);
    ports[wish.owner] = { ...ports[wish.owner], [wish.purpose]: numbers };
  }
  return { ports, unplaced };
}

function firstFree(preferred: number, count: number, taken: ReadonlySet<number>, limit: number): number | null {
  const isFree = (first: number) =>
    first + count <= limit && consecutive(first, count).every((port) => !taken.has(port) && !keptFree.has(port));
  for (let first = Math.max(preferred, lowestPort); first < limit; first++) if (isFree(first)) return first;
  for (let first = fallbackFrom; first < limit; first++) if (isFree(first)) return first;
  return null;
}

function consecutive(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, step) => first + step);
}
