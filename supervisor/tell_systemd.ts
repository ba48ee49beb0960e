// Tells a service manager how the run is, where there is one: sd_notify(3), which is text in datagrams to $NOTIFY_SOCKET.

import type { FleetEvents } from "./event_stream.ts";
import type { FleetEvent } from "./events.ts";
import { sendDatagram } from "./native.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Returns how to end that. Does nothing where no manager listens. */
export function tellSystemd(
  events: FleetEvents,
  env: Environment,
  send: (path: string, text: string) => void = sendDatagram,
): () => void {
  const path = env.NOTIFY_SOCKET;
  if (!path) return () => {};
  const unsubscribe = events.subscribe((event) => {
    const text = textOf(event);
    if (text !== null) send(path, text);
  });
  const everyMs = watchdogMs(env);
  // From the event loop that serves requests: when that stands still, nobody else may say that all is well.
  const timer = everyMs === null ? null : setInterval(() => send(path, "WATCHDOG=1"), everyMs);
  timer?.unref();
  return () => {
    unsubscribe();
    if (timer !== null) clearInterval(timer);
  };
}

function textOf(event: FleetEvent): string | null {
  switch (event.type) {
    case "ready":
      return `READY=1\nSTATUS=${event.ready.prefill}P${event.ready.decode}D of ${event.ready.model} on ${event.ready.url}`;
    case "failed":
      return `STATUS=${event.failure.worker} failed: ${event.failure.diagnosis.what}`;
    case "draining":
      return `STOPPING=1\nSTATUS=draining ${event.inFlight} requests`;
    case "stopping":
      return "STOPPING=1\nSTATUS=stopping";
    default:
      return null;
  }
}

/** Half of what the manager waits for, as sd_watchdog_enabled(3) advises; null where it does not watch. */
function watchdogMs({ WATCHDOG_USEC: given }: Environment): number | null {
  const microseconds = Number(given);
  return microseconds > 0 ? microseconds / 2_000 : null;
}
