import { expect, test } from "bun:test";
import { openHostWarning } from "../../cli/open_host.ts";
import { layerSpec } from "../../plan/layer_spec.ts";
import { noFlags } from "../../plan/flag_layer.ts";

function warnings(host: string, apiKey?: string) {
  const env = { PDSERVE_HOST: host, PDSERVE_API_KEY: apiKey };
  return openHostWarning(layerSpec({ flags: noFlags, env, file: null }).spec, ["10.0.0.7", "fd00::7"]);
}

test("openHostWarning() names the addresses at which the model is open to all", () => {
  expect(warnings("0.0.0.0")).toMatchObject([{
    what: "Anyone who reaches http://10.0.0.7:8000, http://[fd00::7]:8000 may use the model",
    where: "env PDSERVE_HOST",
    severity: "warning",
  }]);
  expect(warnings("10.0.0.7")[0]?.what).toBe("Anyone who reaches http://10.0.0.7:8000 may use the model");
});

test("openHostWarning() says nothing on loopback, or where a key is asked for", () => {
  for (const host of ["127.0.0.1", "127.0.0.9", "localhost", "::1"]) expect(warnings(host)).toEqual([]);
  expect(warnings("0.0.0.0", "key")).toEqual([]);
});
