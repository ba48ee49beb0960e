// What pdserve can be told to do; help, dispatch and completion read this table.

export interface Verb {
  /** What stands after `pdserve` in its usage line. */
  readonly usage: string;
  /** One line, for lists. */
  readonly summary: string;
  /** Sentences for `pdserve help VERB`. */
  readonly about: string;
  /** Words after the verb that are no MODEL, e.g. shells for `completion`; absent where MODEL or nothing is meant. */
  readonly operands?: readonly string[] | "any";
}

export const verbs = {
  up: {
    usage: "[up] MODEL [flags] [-- engine flags]",
    summary: "Start the workers, prove the KV handoff, serve the API; the word up may be left out",
    about:
      "Plans, starts the engines, proves by a real request that KV moves from every prefill to a decode worker, and serves the OpenAI API. Ctrl-C once drains, twice stops now.",
  },
  plan: {
    usage: "plan MODEL [flags] [-- engine flags]",
    summary: "Show the processes that up would start, and start nothing",
    about:
      "Prints the workers with GPUs and ports and the commands that start them. --output sh prints a script that works when pasted, --output json the plan. --machine plans for another box. Exit 0 means it would start.",
  },
  demo: {
    usage: "demo [flags]",
    summary: "Try it without a GPU: two prefill and two decode workers, simulated",
    about: "The same as up, with simulated engines. Answers curl like the real thing; the text is made up.",
  },
  pdjob: {
    usage: "pdjob --config=FILE [flags]",
    summary: "Run the YAML of `vllm pdjob` on this node, without Ray",
    about:
      "Takes the file as it is: general, prefill and decode parameters, replicas, placeholders. pdserve's own router stands in for scheduler.command, whose known flags it takes over. --dry-run shows the plan.",
  },
  convert: {
    usage: "convert FILE [flags]",
    summary: "Print another tool's file as pdserve.yaml, with the line each value comes from",
    about:
      "Reads what --config, --vllm-config, @ FILE and pdjob read, and prints a pdserve.yaml that plans the same workers. Flags on the line go into it; secrets do not. --dialect says whose file it is where its name and content do not tell.",
    operands: "any",
  },
  config: {
    usage: "config [MODEL] [flags]",
    summary: "Show every setting's value and where it came from",
    about:
      "Prints each setting with its value and origin: default, file:line, environment or flag, in rising order of strength. --schema prints a JSON schema of pdserve.yaml for editors.",
  },
  connectors: {
    usage: "connectors [explain|check NAME] [flags]",
    summary: "List the KV connectors and which work here; explain or try one",
    about:
      "Lists every connector with versions, devices, needs and how it fails. explain NAME prints all that is known of one: command lines, ports, requests, rules, proof. check NAME imports what it needs in the engine's Python and looks for its servers. --kv-extra-config counts, so that MultiConnector shows what it is made of. -o json for scripts.",
    operands: "any",
  },
  version: {
    usage: "version",
    summary: "Show the versions of pdserve, its runtime and the engine",
    about: "Prints pdserve's version, the runtime's and that of the engine found on this machine. -o json for scripts.",
  },
  completion: {
    usage: "completion bash|zsh|fish",
    summary: "Print a completion script for your shell",
    about: 'For bash: eval "$(pdserve completion bash)" in ~/.bashrc. For zsh and fish likewise.',
    operands: ["bash", "zsh", "fish"],
  },
  help: {
    usage: "help [VERB|WORD]",
    summary: "Explain a verb, or list the flags that have to do with a word",
    about: "Without a word it prints what --help prints.",
    operands: "any",
  },
} as const satisfies Record<string, Verb>;

export type VerbName = keyof typeof verbs;

/** Processes pdserve starts of itself; their words are not the user's, so nothing splits them. */
export const internalVerbs = ["sim-engine", "__core"] as const;

export type InternalVerb = (typeof internalVerbs)[number];

export function isVerb(word: string): word is VerbName {
  return Object.hasOwn(verbs, word);
}

export function isInternalVerb(word: string | undefined): word is InternalVerb {
  return internalVerbs.some((verb) => verb === word);
}
