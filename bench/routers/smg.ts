import { join } from "node:path";
import { type RouterUnderTest, versionOfPythonProgram } from "./router_under_test.ts";

/** smg of PyPI. It hands KV over only for workers that a manifest gives a connector. */
export const smg: RouterUnderTest = {
  name: "smg",
  hops: 2,
  inQuick: true,
  install: "pip install smg",
  find: () => versionOfPythonProgram("smg"),
  start: ({ port, prefillPort, decodePort, metricsPort, folder }) => ({
    argv: [
      ...["smg", "launch", "--host", "127.0.0.1", "--port", String(port), "--pd-disaggregation", "--backend", "vllm"],
      ...["--discovery-provider", "file", "--discovery-file", join(folder, "smg.json"), "--policy", "round_robin"],
      ...["--prometheus-port", String(metricsPort), "--prometheus-host", "127.0.0.1", "--log-level", "warn"],
    ],
    files: {
      "smg.json": JSON.stringify({
        version: 1,
        workers: [worker(prefillPort, "prefill", "kv_producer"), worker(decodePort, "decode", "kv_consumer")],
      }),
    },
  }),
};

function worker(port: number, type: string, role: string): Readonly<Record<string, string>> {
  const url = `http://127.0.0.1:${port}`;
  return { url, worker_type: type, model_id: "m", kv_connector: "NixlConnector", kv_role: role };
}
