// One stream of fleet events with any number of readers.

import type { FleetEvent } from "./events.ts";

export interface FleetEvents {
  /** Called for every event from now on; returns how to unsubscribe. */
  subscribe(listener: (event: FleetEvent) => void): () => void;
}

export interface EventStream extends FleetEvents {
  emit(event: FleetEvent): void;
}

export function makeEventStream(): EventStream {
  const listeners = new Set<(event: FleetEvent) => void>();
  return {
    emit(event) {
      for (const listener of [...listeners]) listener(event);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
