// Whole workers of one model beside prefill/decode pairs of another.

import { expect, test } from "bun:test";
import { completion, decodeBody, type FakeFleet, makeFakeFleet, until } from "./fake_fleet.ts";

async function mixed(): Promise<FakeFleet> {
  const fleet = makeFakeFleet({ workers: ["prefill-0", "decode-0", "regular-0"] });
  fleet.script("regular-0", (call) => {
    call.answer(200, call.path === "/v1/models" ? { data: [{ id: "other" }] } : decodeBody);
  });
  // The list is asked for by itself, every few seconds.
  await until(() => fleet.callsTo("regular-0").length > 0);
  fleet.calls.length = 0;
  return fleet;
}

test("each model goes to its own workers, split or whole", async () => {
  const fleet = await mixed();
  const served = async (extra: Record<string, unknown>) => {
    fleet.calls.length = 0;
    const response = await fleet.post("/v1/completions", completion(extra));
    return `${response.headers.get("x-pdserve-handoff")}: ${fleet.calls.map(({ worker }) => worker).join(" ")}`;
  };
  expect(await served({ model: "other" })).toBe("none; reason=model: regular-0");
  expect(await served({ model: "other", n: 2 })).toBe("none; reason=n: regular-0");
  expect(await served({ model: "tiny" })).toBe("NixlConnector: prefill-0 decode-0");
  expect(await served({ model: "tiny", n: 2 })).toBe("none; reason=n: decode-0");
  expect(await served({ model: "a-lora-of-tiny" })).toBe("NixlConnector: prefill-0 decode-0");
});

test("whole workers alone serve whatever is asked, as before", async () => {
  const fleet = makeFakeFleet({ workers: ["regular-0"] });
  const response = await fleet.post("/v1/completions", completion({ model: "any" }));
  expect(response.status).toBe(200);
  expect(fleet.calls.map(({ worker }) => worker)).toEqual(["regular-0"]);
});
