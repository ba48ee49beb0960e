import { type RouterUnderTest, versionOfPythonProgram } from "./router_under_test.ts";

/** vllm-router of PyPI, with the policy and log level that cost it least. */
export const vllmRouter: RouterUnderTest = {
  name: "vllm-router",
  hops: 2,
  inQuick: true,
  install: "pip install vllm-router",
  find: () => versionOfPythonProgram("vllm-router"),
  start: ({ port, prefillPort, decodePort, metricsPort }) => ({
    argv: [
      "vllm-router",
      ...["--host", "127.0.0.1", "--port", String(port), "--vllm-pd-disaggregation"],
      ...["--prefill", `http://127.0.0.1:${prefillPort}`, "--decode", `http://127.0.0.1:${decodePort}`],
      ...["--policy", "round_robin", "--prometheus-port", String(metricsPort), "--log-level", "warning"],
    ],
  }),
};
