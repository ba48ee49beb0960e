// The extra config decides which connector a plan has.

import { describe, expect, test } from "bun:test";
import { machineOf, plannedFor, problemsOf } from "./wishes.ts";

const flags = (kvConnector: string, extra: object) => ({
  flags: { kvConnector, kvExtraConfig: JSON.stringify(extra), prefillGpus: "0", decodeGpus: "1" },
});
const memory = { kv_connector: "OffloadingConnector", kv_connector_extra_config: { cpu_bytes_to_use: 8_000_000 } };

describe("makePlan()", () => {
  test("gives the workers of a MultiConnector the ports and the environment of what is in it", () => {
    const { workers, connector } = plannedFor(
      flags("multi", { connectors: [{ kv_connector: "NixlPushConnector" }, memory] }),
    );
    expect(connector.name).toBe("MultiConnector");
    for (const worker of workers) {
      const config = JSON.parse(worker.argv[worker.argv.indexOf("--kv-transfer-config") + 1] ?? "null");
      expect(worker.env.VLLM_NIXL_SIDE_CHANNEL_PORT).toBe(String(worker.ports.side_channel?.[0]));
      expect([config.engine_id, worker.engineId]).toEqual([`${worker.name}-1c9e`, `${worker.name}-1c9e`]);
      expect(config.kv_connector_extra_config.connectors).toMatchObject([
        { kv_connector: "NixlPushConnector" },
        memory,
      ]);
    }
  });

  test("refuses a connector that hands nothing over, on the simulator too, with one that does", () => {
    for (const engine of ["vllm", "sim"]) {
      const wish = { flags: { kvConnector: "SimpleCPUOffloadConnector", engine } };
      expect(problemsOf(wish)).toMatchObject([{
        what: "SimpleCPUOffloadConnector hands no KV from prefill to decode",
        fix: expect.stringContaining("MultiConnector"),
        exitCode: 2,
      }]);
    }
  });

  test("takes OffloadingConnector once it has a p2p tier", () => {
    const extra = { cpu_bytes_to_use: 8, secondary_tiers: [{ type: "p2p" }] };
    const { workers } = plannedFor(flags("OffloadingConnector", extra));
    const ports = workers.map((worker) => worker.ports.p2p_side_channel?.[0]);
    expect(new Set(ports).size).toBe(workers.length);
    expect(workers.map(({ env }) => env.VLLM_P2P_SIDE_CHANNEL_PORT)).toEqual(ports.map(String));
  });

  test("routes no running workers with a connector that hands nothing over", () => {
    const urls = { prefillUrls: "http://h:1", decodeUrls: "http://h:2" };
    expect(problemsOf({ model: null, flags: { ...urls, kvConnector: "DecodeBenchConnector" } }))
      .toMatchObject([{ what: "DecodeBenchConnector hands no KV from prefill to decode", severity: "error" }]);
  });

  test("K18: refuses more host memory for offloaded KV than the machine has, over all workers and connectors inside", () => {
    const connectors = [
      { kv_connector: "NixlConnector" },
      { kv_connector: "OffloadingConnector", kv_connector_extra_config: { cpu_bytes_to_use: 40 * 2 ** 30 } },
    ];
    const flags = { pd: "1P1D", kvConnector: "MultiConnector", kvExtraConfig: JSON.stringify({ connectors }) };
    expect(problemsOf({ flags }, machineOf(2))).toMatchObject([{
      what: "Cannot keep 80 GiB of KV in host memory",
      why: "2 workers take 40 GiB each, and this machine has 64 GiB",
      fix: "cpu_bytes_to_use of 17179869184, which is half of it shared out",
    }]);
    expect(problemsOf({ flags }, machineOf(2, { memoryBytes: 128 * 2 ** 30 }))).toEqual([]);
  });
});
