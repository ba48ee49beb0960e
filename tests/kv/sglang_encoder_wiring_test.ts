import { expect, test } from "bun:test";
import type { Role } from "../../kv/connector.ts";
import { sglangEncoderPorts, sglangEncoderWiring } from "../../kv/sglang_encoder_wiring.ts";

const encoderUrls = ["http://127.0.0.1:8100", "http://127.0.0.1:8101"];

test("SGLang's language workers are told all encoders and get a port of their own for those that announce themselves", () => {
  const argsOf = (role: Role) => sglangEncoderWiring({ role, encoderUrls, ports: { encoder_bootstrap: 8998 } });
  const language = ["--language-only", "--encoder-urls", ...encoderUrls, "--encoder-bootstrap-port", "8998"];
  expect(argsOf("prefill")).toEqual(language);
  expect(argsOf("regular")).toEqual(language);
  expect(argsOf("encode")).toEqual(["--encoder-only"]);
  expect(argsOf("decode")).toEqual([]);
  expect(["prefill", "regular", "encode", "decode"].map((role) => sglangEncoderPorts(role as Role).length))
    .toEqual([1, 1, 0, 0]);
});
