import { expect, test } from "bun:test";
import { makeEventStream } from "../../supervisor/event_stream.ts";
import { tellSystemd } from "../../supervisor/tell_systemd.ts";

const ready = {
  type: "ready",
  ready: {
    url: "http://127.0.0.1:8000",
    runDir: "",
    model: "m",
    tookMs: 1,
    proofs: null,
    connector: "c",
    prefill: 1,
    decode: 2,
  },
} as const;

test("tellSystemd() tells the manager when the run is ready and when it stops", () => {
  const sent: string[] = [];
  const events = makeEventStream();
  const end = tellSystemd(events, { NOTIFY_SOCKET: "/run/n" }, (path, text) => sent.push(`${path} ${text}`));
  events.emit(ready);
  events.emit({ type: "stopping", forced: false });
  end();
  events.emit(ready);
  expect(sent).toEqual([
    "/run/n READY=1\nSTATUS=1P2D of m on http://127.0.0.1:8000",
    "/run/n STOPPING=1\nSTATUS=stopping",
  ]);
});

test("tellSystemd() says that it lives when the manager watches", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const env = { NOTIFY_SOCKET: "/run/n", WATCHDOG_USEC: "2000" };
  const end = tellSystemd(makeEventStream(), env, (_path, text) => resolve(text));
  expect(await promise).toBe("WATCHDOG=1");
  end();
});

test("tellSystemd() does nothing without a manager", () => {
  const events = makeEventStream();
  tellSystemd(events, {}, () => expect.unreachable());
  events.emit(ready);
});
