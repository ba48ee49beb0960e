import { describe, expect, test } from "bun:test";
import { factsOf } from "../../plan/plan.ts";
import { machineOf, plannedFor, problemsOf } from "./wishes.ts";

const urls = { prefillUrls: "http://127.0.0.1:8100", decodeUrls: "http://10.0.0.7:8200/ https://d.example" };

describe("makePlan() for workers that already run", () => {
  test("needs neither MODEL nor GPUs nor an engine", () => {
    const plan = plannedFor({ model: null, flags: urls }, machineOf(0, { engine: null }));
    expect(plan.workers.map(({ name, external, host, port }) => ({ name, external, host, port }))).toEqual([
      { name: "prefill-0", external: "http://127.0.0.1:8100", host: "127.0.0.1", port: 8100 },
      { name: "decode-0", external: "http://10.0.0.7:8200", host: "10.0.0.7", port: 8200 },
      { name: "decode-1", external: "https://d.example", host: "d.example", port: 443 },
    ]);
    expect(plan.workers.every(({ argv, engineId }) => argv.length === 0 && engineId === null)).toBe(true);
    expect(plan.connector).toMatchObject({
      name: "NixlConnector",
      reason: expect.stringContaining("--kv-connector NAME"),
    });
  });

  test("reads what the connector must know from behind the #, with the usual ports otherwise", () => {
    const flags = {
      prefillUrls: "http://[::1]:8100#bootstrap=9000&tp=2&engine_id=p0 http://127.0.0.1:8101",
      ...{ decodeUrls: "http://127.0.0.1:8200", kvConnector: "mooncake" },
    };
    const [first, second] = plannedFor({ model: null, flags }).workers.map(factsOf);
    expect(first).toMatchObject({
      host: "::1",
      httpPort: 8100,
      tp: 2,
      engineId: "p0",
      ports: { bootstrap: 9000, http: 8100 },
    });
    expect(second).toMatchObject({ tp: 1, engineId: null, ports: { bootstrap: 8998 } });
  });

  test("runs a router of the user's own in front of them", () => {
    const flags = { ...urls, schedulerCommand: "mine {PORT} $PREFILL_URL_1 $DECODE_HOST_2", schedulerPort: "9021" };
    const { scheduler, problems } = plannedFor({ model: null, flags });
    expect(scheduler?.argv).toEqual(["mine", "9021", "http://127.0.0.1:8100", "d.example"]);
    expect(problems.map(({ fix }) => fix)).toEqual(["leave out --scheduler-command"]);
  });

  test("takes a Unix socket", () => {
    const flags = { prefillUrls: "unix:/run/p.sock", decodeUrls: "unix:/run/d.sock" };
    expect(plannedFor({ model: null, flags }).workers[0]).toMatchObject({
      external: "unix:/run/p.sock",
      port: 0,
      host: "",
    });
  });

  test("uses any connector asked for, since versions are not known here", () => {
    expect(plannedFor({ model: null, flags: { ...urls, kvConnector: "p2p-nccl" } }).connector.name).toBe(
      "P2pNcclConnector",
    );
  });

  test("refuses half a pair and words that are no URL, all at once", () => {
    expect(problemsOf({ model: null, flags: { prefillUrls: "localhost:8100 ftp://x http://h:1#tp=0" } })).toMatchObject(
      [
        { what: '--prefill cannot be "localhost:8100"', where: "flag --prefill", exitCode: 2 },
        { what: '--prefill cannot be "ftp://x"' },
        { what: '--prefill cannot be "http://h:1#tp=0"' },
        { what: "Name a decode worker", fix: "--decode http://HOST:PORT", exitCode: 2 },
      ],
    );
  });

  test("V7, V31: routes to whole workers, which need no handoff and cannot stand beside a pair", () => {
    const { workers } = plannedFor({ model: null, flags: { regularUrls: "http://h:1 http://h:2" } });
    expect(workers.map(({ name, external }) => [name, external])).toEqual([
      ["regular-0", "http://h:1"],
      ["regular-1", "http://h:2"],
    ]);
    expect(problemsOf({ model: null, flags: { ...urls, regularUrls: "http://h:1" } })).toMatchObject([
      { what: "Give --regular, or --prefill and --decode" },
    ]);
  });
});
