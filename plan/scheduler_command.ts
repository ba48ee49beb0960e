// The command of a router that a user runs in front of the workers, with their addresses filled in.

import { splitShellWords } from "./shell_words.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface SchedulerPlaces {
  /** What `{PORT}` stands for. */
  readonly port: number | string;
  readonly prefill: readonly Address[];
  readonly decode: readonly Address[];
}

export type SchedulerWords =
  | { readonly is: "words"; readonly words: readonly string[] }
  | { readonly is: "bad"; readonly what: string; readonly why: string; readonly fix: string };

/** No shell reads it, so what only a shell understands is refused. */
export function schedulerWords(text: string, places: SchedulerPlaces): SchedulerWords {
  const filled = fillPlaceholders(text, places);
  const left = /\$\{?[A-Z]\w*\}?/.exec(filled)?.[0];
  if (left !== undefined) {
    const { prefill, decode } = places;
    return {
      ...{ is: "bad", what: `Nothing stands for ${left} in scheduler.command` },
      why: `there are ${prefill.length} prefill and ${decode.length} decode replicas, counted from 1`,
      fix: "$PREFILL_URL_1, $PREFILL_HOST_1, $PREFILL_PORT_1 and the like, up to the number of replicas",
    };
  }
  const words = splitShellWords(filled);
  if (words === null) {
    const what = "Cannot split scheduler.command into words";
    return { is: "bad", what, why: "a quote is opened and not closed", fix: "close the quote" };
  }
  const shell = words.find((word) => /^(&&|\|\|?|;|[<>]{1,2}|2>&1)$/.test(word));
  if (shell === undefined) return { is: "words", words };
  const what = `Take "${shell}" out of scheduler.command`;
  return { is: "bad", what, why: "no shell runs it", fix: "put it into a script of yours and run that" };
}

/** `_10` before `_1`, so that the shorter name does not eat the longer. */
function fillPlaceholders(text: string, { port, prefill, decode }: SchedulerPlaces): string {
  let filled = text.replaceAll("{PORT}", String(port));
  for (const [role, addresses] of [["PREFILL", prefill], ["DECODE", decode]] as const) {
    for (let n = addresses.length; n >= 1; n--) {
      for (const [kind, value] of Object.entries(valuesOf(addresses[n - 1]!))) {
        const name = `${role}_${kind}_${n}`;
        filled = filled.replaceAll(`\${${name}}`, value).replaceAll(new RegExp(`\\$${name}(?!\\d)`, "g"), value);
      }
    }
  }
  return filled;
}

function valuesOf({ host, port }: Address): Readonly<Record<"HOST" | "PORT" | "URL", string>> {
  const inUrl = host.includes(":") ? `[${host}]` : host;
  return { HOST: host, PORT: String(port), URL: `http://${inUrl}:${port}` };
}
