// What runs on one worker, summed over the router processes.

import type { WorkerLoad } from "../numbers.ts";
import type { SharedCells } from "./shared_cells.ts";
import { sharedCount } from "./shared_count.ts";

export function makeSharedLoad(shared: SharedCells, worker: number): WorkerLoad {
  const inFlight = sharedCount(shared, "inFlight", worker);
  const outstandingTokens = sharedCount(shared, "outstandingTokens", worker);
  const handedOver = sharedCount(shared, "handedOver", worker);
  const wholeStarted = sharedCount(shared, "wholeStarted", worker);
  const wholeRunning = sharedCount(shared, "wholeRunning", worker);
  return {
    get inFlight() {
      return inFlight.sum;
    },
    get outstandingTokens() {
      return outstandingTokens.sum;
    },
    get handedOver() {
      return handedOver.sum;
    },
    get wholeStarted() {
      return wholeStarted.sum;
    },
    get wholeRunning() {
      return wholeRunning.sum;
    },
    legStarts(tokens, isWhole) {
      inFlight.add(1);
      outstandingTokens.add(tokens);
      if (isWhole) wholeStarted.add(1);
      if (isWhole) wholeRunning.add(1);
    },
    legEnds(tokens, isWhole) {
      inFlight.add(-1);
      outstandingTokens.add(-tokens);
      if (isWhole) wholeRunning.add(-1);
    },
    takesOver: () => handedOver.add(1),
  };
}
