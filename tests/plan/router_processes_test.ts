import { expect, test } from "bun:test";
import { findConnector } from "../../kv/index.ts";
import { routerProcesses } from "../../plan/router_processes.ts";
import { machineOf, plannedFor, problemsOf, specOf } from "./wishes.ts";

const nixl = findConnector("NixlConnector").connector;
const lmcachePd = { ...nixl, name: "LMCacheConnectorV1", arrival: { portPurpose: "notify_port", idOf: () => "" } };

function processesOf(value: string, cpuCores: number, connector = nixl): number {
  return routerProcesses(specOf({ flags: { routerProcs: value } }), machineOf(4, { cpuCores }), connector).processes;
}

test("auto is one router process below 16 cores, then one for 8, and four at most", () => {
  const cores = [1, 8, 15, 16, 23, 24, 32, 192];
  expect(cores.map((count) => processesOf("auto", count))).toEqual([1, 1, 1, 2, 2, 3, 4, 4]);
});

test("a number of router processes is taken as it is, and stands in the plan when it is not one", () => {
  expect(processesOf("3", 2)).toBe(3);
  expect(plannedFor({ flags: { routerProcs: "3" } }).router).toMatchObject({ processes: 3 });
  expect(plannedFor({ flags: { routerProcs: "1" } }).router).not.toHaveProperty("processes");
});

test.each(["0", "65", "two", "1.5", "-1"])("refuses %s router processes, and says what it takes", (value) => {
  const [problem] = problemsOf({ flags: { routerProcs: value } });
  expect(problem).toMatchObject({
    ...{ what: `--router-procs cannot be "${value}"`, severity: "error", exitCode: 2 },
    ...{ where: "flag --router-procs", fix: "--router-procs auto" },
  });
});

test("a connector whose prefill tells one socket of the router has one router process", () => {
  expect(processesOf("auto", 64, lmcachePd)).toBe(1);
  const spec = specOf({ flags: { routerProcs: "2" } });
  const { problems } = routerProcesses(spec, machineOf(4), lmcachePd);
  expect(problems).toMatchObject([{ severity: "error", fix: "--router-procs 1" }]);
});

test("the turns that --turn-reuse keeps are one process's", () => {
  const spec = specOf({ flags: { routerProcs: "auto", turnReuseMs: "1m" } });
  expect(routerProcesses(spec, machineOf(4, { cpuCores: 64 }), nixl).processes).toBe(1);
  expect(problemsOf({ flags: { routerProcs: "2", turnReuseMs: "1m" } })).toMatchObject([{ fix: "--router-procs 1" }]);
});
