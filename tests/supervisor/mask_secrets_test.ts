import { expect, test } from "bun:test";
import { makeSecretMask } from "../../supervisor/mask_secrets.ts";

test("makeSecretMask() masks the given values wherever they stand", () => {
  const mask = makeSecretMask(["key-123", "key-123-longer"]);
  expect(mask("a key-123, b=key-123-longer; key-123")).toBe("a ***, b=***; ***");
});

test("makeSecretMask() knows tokens by their shape", () => {
  const mask = makeSecretMask([]);
  expect(mask("HF_TOKEN=hf_AbCdEfGhIjKlMnOpQrSt rest")).toBe("HF_TOKEN=*** rest");
  expect(mask("authorization: Bearer abc.def-123456")).toBe("authorization: Bearer ***");
});

test("makeSecretMask() leaves ordinary text alone, and does not take an empty value for a secret", () => {
  const line = "INFO hf_overrides=None hf_config Bearer";
  expect(makeSecretMask(["", "a"])(line)).toBe(line);
});
