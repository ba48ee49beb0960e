// `--ec-transfer-config`: what an engine gives to, or takes from, encoder workers.

import { isObject, type Json, type JsonObject } from "../json.ts";
import { serveError } from "./parse_argv.ts";
import type { EncoderSettings, StartFailure } from "./settings.ts";

const ROLES = ["ec_producer", "ec_consumer", "ec_both"] as const;

export function readEcTransferConfig(text: string | null): EncoderSettings | StartFailure | null {
  if (text === null || text === "") return null;
  const config = parsed(text);
  if (config === null) return refused("Input should be an object");
  const role = ROLES.find((one) => one === config["ec_role"]);
  if (role === undefined) return refused(`Unsupported ec_role: ${config["ec_role"]}, supported roles are ${ROLES}`);
  if (config["ec_connector"] !== "ECExampleConnector") {
    return refused(`Unsupported connector type: ${config["ec_connector"]}`);
  }
  const extra = config["ec_connector_extra_config"];
  const path = isObject(extra) ? extra["shared_storage_path"] : null;
  return { role, path: typeof path === "string" ? path : "/tmp" };
}

function parsed(text: string): JsonObject | null {
  try {
    const value = JSON.parse(text) as Json;
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function refused(problem: string): StartFailure {
  return serveError(
    `argument --ec-transfer-config: 1 validation error for ECTransferConfig\n  Value error, ${problem}`,
  );
}
