// The files that the API's listener needs: its clients' keys and its certificate.

import { readFileSync } from "node:fs";
import type { Problem } from "../plan/problem.ts";
import { originText, type Spec } from "../plan/spec.ts";

export type RouterFiles =
  | {
    readonly is: "read";
    readonly apiKeys: readonly string[];
    /** PEM texts; absent for plain HTTP. */
    readonly tls?: { readonly cert: string; readonly key: string };
  }
  | { readonly is: "unusable"; readonly problem: Problem };

type FileSetting = "apiKeyFile" | "tlsCert" | "tlsKey";

/** Read again at each reload, so keys can be changed without a restart. */
export function readRouterFiles({ settings }: Spec): RouterFiles {
  const text = (key: FileSetting): string | null => {
    const { value } = settings[key];
    return value === null ? null : readFileSync(value, "utf8");
  };
  let reading: FileSetting = "apiKeyFile";
  try {
    const fileKeys = keysIn(text("apiKeyFile") ?? "");
    // Without this an empty file would open the API to everybody.
    if (settings.apiKeyFile.value !== null && fileKeys.length === 0) {
      return unusable(settings, reading, "it has no key");
    }
    const cert = text(reading = "tlsCert");
    const key = text(reading = "tlsKey");
    const apiKeys = [...(settings.apiKey.value === null ? [] : [settings.apiKey.value]), ...fileKeys];
    if (cert === null && key === null) return { is: "read", apiKeys };
    if (cert !== null && key !== null) return { is: "read", apiKeys, tls: { cert, key } };
    return unusable(
      settings,
      cert === null ? "tlsKey" : "tlsCert",
      "a certificate and its key are needed, both or none",
    );
  } catch (error) {
    return unusable(settings, reading, String((error as NodeJS.ErrnoException).code ?? error));
  }
}

/** One key a line; empty lines and those that begin with # are left out. */
function keysIn(text: string): readonly string[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"));
}

const flags = { apiKeyFile: "--api-key-file", tlsCert: "--tls-cert", tlsKey: "--tls-key" } as const;

function unusable(settings: Spec["settings"], key: FileSetting, why: string): RouterFiles {
  const { value, origin } = settings[key];
  const fix = key === "apiKeyFile"
    ? "one key a line in that file, readable by you"
    : "--tls-cert FILE and --tls-key FILE, both PEM";
  const problem: Problem = {
    what: `Check ${flags[key]} ${value}`,
    why,
    fix,
    where: originText(origin),
    severity: "error",
  };
  return { is: "unusable", problem };
}
