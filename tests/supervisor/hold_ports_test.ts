import { expect, test } from "bun:test";
import { holdPorts } from "../../supervisor/hold_ports.ts";
import { fleetPlan } from "./small_fleet.ts";

const workers = fleetPlan(["prefill-0:8101", "decode-0:8102"]).workers.map((worker) => ({
  ...worker,
  ports: { http: [worker.port], side_channel: [worker.port + 100, worker.port + 101], internal: [worker.port + 500] },
}));

function recorder(taken: readonly number[]) {
  const held = new Set<number>();
  const hold = (_host: string, port: number) => {
    if (taken.includes(port)) return null;
    held.add(port);
    return { release: () => void held.delete(port) };
  };
  return { held, hold };
}

test("holdPorts() holds every port of every worker, but those the engine finds by trying", () => {
  const { held, hold } = recorder([]);
  const ports = holdPorts(workers.slice(0, 1), hold);
  expect([...held]).toEqual([8101, 8201, 8202]);
  ports.release("prefill-0");
  ports.release("prefill-0");
  expect([...held]).toEqual([]);
});

test("holdPorts() names all ports that are taken, and keeps the others", () => {
  const { held, hold } = recorder([8101, 8202]);
  const { taken } = holdPorts(workers, hold);
  expect(taken.map(({ worker, purpose, port }) => [worker.name, purpose, port])).toEqual([
    ["prefill-0", "http", 8101],
    ["prefill-0", "side_channel", 8202],
    ["decode-0", "side_channel", 8202],
  ]);
  expect(held.has(8201)).toBe(true);
});

test("holdPorts() leaves the ports of workers elsewhere alone", () => {
  const { held, hold } = recorder([]);
  holdPorts(workers.map((worker) => ({ ...worker, external: "http://10.0.0.1:8101" })), hold);
  expect(held.size).toBe(0);
});
