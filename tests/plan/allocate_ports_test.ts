import { describe, expect, test } from "bun:test";
import { allocatePorts, type PortWish } from "../../plan/allocate_ports.ts";
import { machineOf, plannedFor, problemsOf } from "./wishes.ts";

const wish = (owner: string, count: number, preferred: number): PortWish => ({ owner, purpose: "x", count, preferred });

describe("allocatePorts()", () => {
  test("gives consecutive numbers from the preferred one up, none twice", () => {
    const { ports } = allocatePorts([wish("a", 2, 9000), wish("b", 2, 9000), wish("c", 1, 9000)], [], 32_768);
    expect(ports).toEqual({ a: { x: [9000, 9001] }, b: { x: [9002, 9003] }, c: { x: [9004] } });
  });

  test("steps over ports in use, and over a range that one would break", () => {
    const { ports } = allocatePorts([wish("a", 3, 9000), wish("b", 1, 9000)], [9001], 32_768);
    expect(ports).toEqual({ a: { x: [9002, 9003, 9004] }, b: { x: [9000] } });
  });

  test("leaves 5557, 5601 and 5710 to the vLLM features that default to them", () => {
    const wishes = [wish("a", 1, 5600), wish("b", 1, 5600), wish("c", 2, 5709), wish("d", 1, 5557)];
    const given = Object.values(allocatePorts(wishes, [], 32_768).ports).flatMap(({ x = [] }) => x);
    expect(given[0]).toBe(5600);
    for (const port of [5557, 5601, 5710]) expect(given).not.toContain(port);
  });

  test("stays below the kernel's own range and starts again from below when the top is full", () => {
    const { ports, unplaced } = allocatePorts([wish("a", 5, 32_765)], [], 32_768);
    expect(ports.a?.x?.every((port) => port < 32_768)).toBe(true);
    expect(unplaced).toEqual([]);
  });

  test("reports what finds no room", () => {
    const busy = Array.from({ length: 65_536 }, (_, port) => port).filter((port) => port % 2 === 0);
    expect(allocatePorts([wish("a", 2, 9000), wish("b", 1, 9001)], busy, 32_768)).toMatchObject({
      ports: { b: { x: [9001] } },
      unplaced: [{ owner: "a" }],
    });
  });

  test("uses the ephemeral range where the box leaves nothing else", () => {
    expect(allocatePorts([wish("a", 1, 20_000)], [], 1024).ports).toEqual({ a: { x: [20_000] } });
  });
});

describe("makePlan() and ports", () => {
  test("every port of every worker and the router is another one, free, and below the ephemeral range", () => {
    const busyPorts = [8100, 5600, 21_000].map((port) => ({ port, pid: 1, name: "x" }));
    const plan = plannedFor({ flags: { pd: "2P2D" }, both: ["-dp", "2"] }, machineOf(8, { busyPorts }));
    const all = [plan.router.port, ...plan.workers.flatMap(({ ports }) => Object.values(ports).flat())];
    expect(new Set(all).size).toBe(all.length);
    for (const port of all) {
      expect(port).toBeLessThan(32_768);
      expect(busyPorts.map((busy) => busy.port)).not.toContain(port);
    }
    expect(plan.workers[0]).toMatchObject({ port: 8101, ports: { http: [8101], side_channel: [5602, 5603] } });
    expect(plan.workers[0]?.env.VLLM_NIXL_SIDE_CHANNEL_PORT).toBe("5602");
  });

  test("takes the next free port for the router and says who has the wanted one", () => {
    const machine = machineOf(2, {
      busyPorts: [{ port: 8000, pid: 12, name: "python" }, { port: 8001, pid: null, name: null }],
    });
    expect(plannedFor({}, machine).router.port).toBe(8002);
    expect(problemsOf({}, machine)).toMatchObject([{
      what: "Use port 8002, because 8000 is taken",
      why: "python (pid 12) listens there",
      severity: "warning",
    }]);
  });

  test("refuses a taken port with --strict-port, naming the holder", () => {
    const machine = machineOf(2, { busyPorts: [{ port: 9000, pid: null, name: null }] });
    expect(problemsOf({ flags: { port: "9000", strictPort: "true" } }, machine)).toMatchObject([{
      what: "Cannot listen on port 9000",
      why: "another process listens there",
      fix: "--port 9001, or leave out --strict-port",
      where: "flag --port",
      exitCode: 2,
    }]);
  });

  test("leaves port 0 to the kernel and takes a free port as it is, even a low one", () => {
    expect(plannedFor({ flags: { port: "0" } }).router.port).toBe(0);
    expect(plannedFor({ flags: { port: "80" } }).router.port).toBe(80);
  });
});
