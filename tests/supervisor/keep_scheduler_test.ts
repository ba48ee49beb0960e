// The user's own router: started when the workers are ready, started again, given up, ended with the run.

import { expect, test } from "bun:test";
import { makeEventStream } from "../../supervisor/event_stream.ts";
import type { FleetEvent } from "../../supervisor/events.ts";
import { keepScheduler, type SchedulerDeps } from "../../supervisor/keep_scheduler.ts";
import { realClock } from "../../supervisor/clock.ts";
import type { Child, Exit } from "../../supervisor/spawn.ts";

const ready = { type: "ready" } as FleetEvent;
const draining = { type: "draining", inFlight: 0, limitMs: 0, waitingFor: [] } as FleetEvent;

function keeping(change: Partial<SchedulerDeps> = {}) {
  const events = makeEventStream();
  const seen: FleetEvent[] = [];
  events.subscribe((event) => void seen.push(event));
  const children: { readonly end: (exit: Exit) => void; readonly signals: string[] }[] = [];
  const kept = keepScheduler({ argv: ["proxy", "--port", "1"], port: 1, cwd: "/tmp" }, {
    events,
    identity: { runId: "run", initPid: 1 },
    env: { PATH: "/bin" },
    restart: { is: "backoff", firstMs: 1, maxMs: 1, giveUpAfter: 2, withinMs: 60_000, jitter: (ms) => ms },
    clock: realClock,
    openLog: () => ({
      ...{
        path: "scheduler.log",
        write: () => {},
        startOver: () => {},
        lines: () => ["a line"],
        close: async () => {},
      },
    }),
    spawn: ({ env }) => {
      const { promise: exited, resolve: end } = Promise.withResolvers<Exit>();
      const signals: string[] = [];
      children.push({ end, signals });
      expect(env.PDSERVE_RUN_ID).toBe("run");
      const signalGroup = (signal: string) => {
        signals.push(signal);
        end({ code: null, signal });
      };
      return { is: "spawned", child: { exited, readOutput: () => {}, signalGroup } as unknown as Child };
    },
    ...change,
  });
  const failures = () => seen.flatMap((event) => event.type === "failed" ? [event.failure] : []);
  const until = async (condition: () => boolean) => {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
  };
  return { events, children, kept, failures, until };
}

test("J8: it waits for the workers, comes back when it dies, and stays down when it fails too often", async () => {
  const { events, children, kept, failures, until } = keeping();
  expect(children).toHaveLength(0);
  events.emit(ready);
  expect(children).toHaveLength(1);
  children[0]!.end({ code: 3, signal: null });
  await until(() => children.length === 2);
  expect(failures()[0]).toMatchObject({
    worker: "scheduler",
    lastLines: ["a line"],
    diagnosis: { what: "The scheduler's command ended with exit code 3", why: expect.stringContaining("starts again") },
  });
  children[1]!.end({ code: 0, signal: null });
  await until(() => failures().length === 2);
  expect(failures()[1]?.diagnosis.why).toContain("stays down");
  await kept.close();
  expect(children).toHaveLength(2);
});

test("J8: it is told to end when the run drains, and its end is no failure then", async () => {
  const { events, children, kept, failures } = keeping();
  events.emit(ready);
  events.emit(draining);
  await kept.close();
  expect(children[0]!.signals[0]).toBe("SIGTERM");
  expect(failures()).toEqual([]);
});

test("J8: a run that ends before its workers are ready never starts it", async () => {
  const { events, children, kept } = keeping();
  events.emit(draining);
  events.emit(ready);
  await kept.close();
  expect(children).toHaveLength(0);
});
