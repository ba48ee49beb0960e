import { expect, test } from "bun:test";
import type { Role } from "../../kv/connector.ts";
import { encoderWiring } from "../../kv/encoder_wiring.ts";

test("encoders write where prefill and regular workers read; decode knows nothing of it", () => {
  const configOf = (role: Role) => {
    const args = encoderWiring({ role, sharedDir: "/run/kv" });
    const at = args.indexOf("--ec-transfer-config");
    return at < 0 ? null : JSON.parse(args[at + 1] ?? "");
  };
  const from = {
    ec_connector: "ECExampleConnector",
    ec_connector_extra_config: { shared_storage_path: "/run/kv/encoded" },
  };
  expect(configOf("encode")).toEqual({ ...from, ec_role: "ec_producer" });
  expect(configOf("prefill")).toEqual({ ...from, ec_role: "ec_consumer" });
  expect(configOf("regular")).toEqual({ ...from, ec_role: "ec_consumer" });
  expect(configOf("decode")).toBeNull();
});

test("an encoder gets the flags without which vLLM refuses to be one", () => {
  const args = encoderWiring({ role: "encode", sharedDir: "/run/kv" });
  expect(args).toContain("--enforce-eager");
  expect(args).toContain("--no-enable-prefix-caching");
});
