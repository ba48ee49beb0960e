// What pdserve says of itself, from the tables of verbs, settings and engine flags.

import { envNameOf, type Setting, type SettingGroup, settings } from "../plan/settings.ts";
import { engines } from "../supervisor/engines/index.ts";
import type { HelpWish } from "./argv_line.ts";
import type { Paint } from "./render/color.ts";
import { ownFlags } from "./own_flags.ts";
import { padText, textWidth, wrapText } from "./render/text_width.ts";
import { runFlags } from "./verb_line.ts";
import { type Verb, type VerbName, verbs } from "./verbs.ts";

export interface HelpStyle {
  readonly columns: number;
  readonly paint: Paint;
}

const allSettings: readonly Setting[] = Object.values(settings);
const groups: readonly SettingGroup[] = [
  "Topology",
  "Other tools",
  "Model and engine",
  "KV connector",
  "Router",
  "Limits",
  "Run",
  "Output",
];
const withoutFlags: readonly VerbName[] = ["version", "completion", "help"];
const widestColumns = 100;
const termColumns = 26;

/** `pdserve` alone: twelve lines that get a newcomer to a first success. */
export function firstScreen(version: string, { paint }: HelpStyle): string {
  const example = (command: string, says: string) => `  ${paint.cyan(padText(command, 54))} ${paint.dim(says)}`;
  return [
    `${paint.bold("pdserve")} ${version}`,
    "Prefill/decode-disaggregated LLM serving on one GPU box: one command plans",
    "the workers, starts them, proves that KV moves, and serves the OpenAI API.",
    "",
    example("pdserve Qwen/Qwen3-32B", "a split that fits"),
    example("pdserve MODEL --prefill-gpus 0,1 --decode-gpus 2,3", "your split"),
    example("pdserve demo", "no GPU needed"),
    "",
    example("pdserve plan MODEL", "show, start nothing"),
    example("pdserve -h", "flags that matter"),
    example("pdserve --help", "all flags"),
    example("pdserve --help=WORD", "search"),
  ].join("\n") + "\n";
}

/** Help for pdserve as a whole, or for one verb. */
export function helpText(wish: Exclude<HelpWish, { is: "about" }>, verb: VerbName | null, style: HelpStyle): string {
  const { paint } = style;
  const short = wish.is === "short";
  const about: Verb = verbs[verb ?? "up"];
  const out = [`${paint.bold("Usage")}  pdserve ${about.usage}`, ""];
  out.push(...wrapText(about.about, columnsOf(style)), "");
  if (verb === null) out.push(...verbLines(style), "");
  if (verb !== null && withoutFlags.includes(verb)) return out.join("\n");
  if (about.flags !== undefined) return [...out, ...verbFlagLines(about.flags, style)].join("\n") + "\n";
  for (const group of groups) {
    const shown = allSettings.filter((setting) => setting.group === group && (!short || setting.short));
    if (shown.length > 0) out.push(paint.bold(group), ...shown.flatMap((setting) => settingLines(setting, style)), "");
  }
  out.push(...(short ? shortEnd(style) : engineFlagLines(style)));
  return out.join("\n") + "\n";
}

/** Null when the word occurs in no flag, alias, environment name, YAML key, choice, explanation or verb. */
export function searchHelp(word: string, style: HelpStyle): string | null {
  const wanted = word.toLowerCase().replace(/^-+/, "").replaceAll("_", "-");
  const has = (text: string) => text.toLowerCase().replaceAll("_", "-").includes(wanted);
  const own = allSettings.filter((setting) => wordsOf(setting).some(has));
  const engineFlags = Object.keys(engines.vllm.commonFlags).filter(has);
  const fitting = Object.entries(verbs).filter(([name, { summary, about }]) => [name, summary, about].some(has));
  const out = [
    ...fitting.flatMap(([name, { summary }]) => item(`pdserve ${name}`, summary, "", style)),
    ...own.flatMap((setting) => settingLines(setting, style)),
    ...(engineFlags.length > 0 ? item("vLLM's own", `${engineFlags.join("  ")}  (passed on)`, "", style) : []),
  ];
  return out.length === 0 ? null : out.join("\n") + "\n";
}

function wordsOf(setting: Setting): string[] {
  const { flag, aliases = [], yaml, choices = [], help } = setting;
  return [flag, ...aliases, envNameOf(setting), yaml ?? "", ...choices, help];
}

function settingLines(setting: Setting, style: HelpStyle): string[] {
  const value = setting.choices?.join("|") ?? setting.hint;
  const withValue = value === undefined ? setting.flag : `${setting.flag} ${value}`;
  const choicesFit = setting.choices === undefined || textWidth(withValue) < termColumns;
  const term = choicesFit ? withValue : setting.flag;
  const choices = choicesFit ? "" : ` (${setting.choices?.join(", ")})`;
  const aliases = setting.aliases === undefined ? [] : [`also ${setting.aliases.join(" ")}`];
  const shownDefault = setting.kind === "switch" || setting.default === null ? [] : [`default ${setting.default}`];
  const env = setting.kind === "switch"
    ? `${envNameOf(setting)}=${ownFlags.get(setting.flag)?.bare}`
    : envNameOf(setting);
  const tags = [...shownDefault, ...aliases, env].join(" · ");
  return item(term, setting.help + choices, `[${tags}]`, style);
}

function verbFlagLines(flags: NonNullable<Verb["flags"]>, style: HelpStyle): string[] {
  const lines = Object.entries({ ...flags, ...runFlags }).flatMap(([name, { short, value, help }]) => {
    const names = short === undefined ? `--${name}` : `-${short}, --${name}`;
    return item(value === undefined ? names : `${names} ${value}`, help, "", style);
  });
  return [style.paint.bold("Flags"), ...lines];
}

function verbLines(style: HelpStyle): string[] {
  const lines = Object.entries(verbs).flatMap(([name, { summary }]) => item(name, summary, "", style));
  return [style.paint.bold("Verbs"), ...lines];
}

function shortEnd(style: HelpStyle): string[] {
  return [
    style.paint.bold("Engine flags"),
    ...item("--max-model-len 8k", "vLLM's habitual flags go to both roles as they are", "", style),
    ...item("--prefill.X V, --decode.X V", "The engine's flag --X V for one role", "", style),
    ...item("-- …", "Everything after it goes to both roles", "", style),
    "",
    style.paint.dim("All flags: pdserve --help · search: --help=WORD · a verb: pdserve help VERB"),
  ];
}

function engineFlagLines(style: HelpStyle): string[] {
  const names = Object.entries(engines.vllm.commonFlags).map(([flag, takes]) => takes === "value" ? `${flag} V` : flag);
  return [
    style.paint.bold("Engine flags"),
    ...item("--prefill.X V", "Give prefill workers the engine's flag --X V; true and false are switches", "", style),
    ...item("--decode.X V", "The same for decode workers: --decode.max-num-seqs 256", "", style),
    ...item("--prefill-args LINE", "Several at once, quoted as for a shell", "[PDSERVE_PREFILL_ARGS]", style),
    ...item("--decode-args LINE", "The same for decode workers", "[PDSERVE_DECODE_ARGS]", style),
    ...item("-- …", "Everything after it goes to both roles untouched", "[PDSERVE_ARGS]", style),
    "",
    "These need no -- before them and go to both roles:",
    ...wrapText(names.map((name) => name.replace(" ", "\u00a0")).join("  "), columnsOf(style) - 2)
      .map((line) => "  " + line.trim().replaceAll("\u00a0", " ")),
  ];
}

/** Term on the left, text on the right, tags dim behind it; a long term has its line alone. */
function item(term: string, text: string, tags: string, style: HelpStyle): string[] {
  const room = columnsOf(style) - termColumns - 2;
  const right = wrapText(text, room);
  const last = right.at(-1) ?? "";
  const tagLines = tags === "" ? [] : wrapText(tags, room);
  if (tagLines.length === 1 && textWidth(last) + 1 + textWidth(tags) <= room) {
    right[right.length - 1] = `${last} ${style.paint.dim(tags)}`;
  } else right.push(...tagLines.map(style.paint.dim));
  const indent = " ".repeat(termColumns + 2);
  const left = `  ${style.paint.cyan(term)}`;
  if (textWidth(term) >= termColumns) return [left, ...right.map((line) => indent + line)];
  return right.map((line, at) => at === 0 ? padText(left, termColumns + 2) + line : indent + line);
}

function columnsOf(style: HelpStyle): number {
  return Math.min(widestColumns, style.columns);
}
