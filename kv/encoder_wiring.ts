// Encoder workers (EPD): they turn images and sounds into embeddings that prefill, or a regular worker, takes instead of
// computing them. vLLM hands them over through files in a folder that both see, named by a hash of the medium.
// Source: vLLM distributed/ec_transfer/ec_connector/example_connector.py; examples/disaggregated/disaggregated_encoder.

import type { Json } from "./json.ts";
import type { Role } from "./connector.ts";

export interface EncoderWiringContext {
  readonly role: Role;
  /** Of the run; encoders' files go with it. */
  readonly sharedDir: string;
}

/** A batch must hold all tokens of a medium at once; vLLM's example takes this many. */
const encoderBatchTokens = 114_688;

/** Arguments for one worker of a topology that has encoders; decode needs none, since it gets KV. */
export function encoderWiring({ role, sharedDir }: EncoderWiringContext): readonly string[] {
  switch (role) {
    case "encode":
      return [
        ...ecTransferConfig("ec_producer", sharedDir),
        // vLLM refuses an encoder without these two.
        "--enforce-eager",
        "--no-enable-prefix-caching",
        ...["--max-num-batched-tokens", String(encoderBatchTokens)],
        "--mm-encoder-only",
      ];
    case "prefill":
    case "regular":
      return ecTransferConfig("ec_consumer", sharedDir);
    case "decode":
      return [];
  }
}

function ecTransferConfig(role: "ec_producer" | "ec_consumer", sharedDir: string): readonly string[] {
  const config: Readonly<Record<string, Json>> = {
    ec_connector: "ECExampleConnector",
    ec_role: role,
    ec_connector_extra_config: { shared_storage_path: `${sharedDir}/encoded` },
  };
  return ["--ec-transfer-config", JSON.stringify(config)];
}
