import { expect, test } from "bun:test";
import { holdPorts } from "../../supervisor/hold_ports.ts";
import { fleetPlan } from "./small_fleet.ts";

const workers = fleetPlan(["prefill-0:8101", "decode-0:8102"]).workers.map((worker) => ({
  ...worker,
  ports: { http: [worker.port], side_channel: [worker.port + 100, worker.port + 101], internal: [worker.port + 500] },
}));

function recorder(taken: readonly number[], claimed: readonly number[] = []) {
  const kept = { held: new Set<number>(), claims: new Set<number>() };
  const keep = (set: Set<number>, others: readonly number[]) => (port: number) => {
    if (others.includes(port)) return null;
    set.add(port);
    return { release: () => void set.delete(port) };
  };
  const hold = keep(kept.held, taken);
  return { ...kept, keeper: { hold: (_host: string, port: number) => hold(port), claim: keep(kept.claims, claimed) } };
}

test("holdPorts() holds every port of every worker, but only claims those the engine finds by trying", () => {
  const { held, claims, keeper } = recorder([]);
  const ports = holdPorts(workers.slice(0, 1), keeper);
  expect([...held]).toEqual([8101, 8201, 8202]);
  expect([...claims]).toEqual([8101, 8201, 8202, 8601]);
  ports.release("prefill-0");
  ports.release("prefill-0");
  expect([held.size, claims.size]).toEqual([0, 4]);
  ports.giveUp();
  expect(claims.size).toBe(0);
});

test("holdPorts() names all ports that somebody listens on or another run has claimed", () => {
  const { keeper } = recorder([8101, 8202], [8602]);
  const { taken } = holdPorts(workers, keeper);
  expect(taken.map(({ worker, purpose, port }) => [worker.name, purpose, port])).toEqual([
    ["prefill-0", "http", 8101],
    ["prefill-0", "side_channel", 8202],
    ["decode-0", "side_channel", 8202],
    ["decode-0", "internal", 8602],
  ]);
});

test("holdPorts() leaves the ports of workers elsewhere alone", () => {
  const { held, claims, keeper } = recorder([]);
  holdPorts(workers.map((worker) => ({ ...worker, external: "http://10.0.0.1:8101" })), keeper);
  expect([held.size, claims.size]).toEqual([0, 0]);
});

test("holdPorts().again() keeps a worker's own ports where they are free", () => {
  const { keeper, held } = recorder([]);
  const ports = holdPorts(workers, keeper);
  const [worker] = workers;
  if (worker === undefined) throw new Error("no worker");
  ports.release("prefill-0");
  expect(ports.again(worker)).toEqual(worker.ports);
  expect([...held]).toContain(8201);
});

test("holdPorts().again() takes the next free ones in a row where somebody listens, and claims them", () => {
  const busy: number[] = [];
  const { keeper, claims } = recorder(busy);
  const ports = holdPorts(workers, keeper);
  const [worker] = workers;
  if (worker === undefined) throw new Error("no worker");
  busy.push(8201, 8204);
  expect(ports.again(worker)).toEqual({ http: [8101], side_channel: [8205, 8206], internal: [8601] });
  expect([...claims]).toContain(8206);
  ports.giveUp();
  expect(claims.size).toBe(0);
});

test("holdPorts().again() finds and claims ports for a worker that is new, and forget() lets others have them", () => {
  const { keeper, held, claims } = recorder([8103], [8203, 8603]);
  const ports = holdPorts(workers, keeper);
  const before = [held.size, claims.size];
  const http = [8103];
  const worker = { ...workers[1]!, name: "decode-1", ports: { http, side_channel: [8203, 8204], internal: [8603] } };
  expect(ports.again(worker)).toEqual({ http: [8104], side_channel: [8204, 8205], internal: [8604] });
  expect([8104, 8204, 8205].map((port) => held.has(port))).toEqual([true, true, true]);
  expect([claims.has(8604), held.has(8604)]).toEqual([true, false]);
  ports.forget("decode-1");
  expect([held.size, claims.size]).toEqual(before);
});
