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
  /** By long name, of a verb that speaks to a running pdserve: it takes these and those that say which run. */
  readonly flags?: Readonly<Record<string, VerbFlag>>;
}

export interface VerbFlag {
  readonly short?: string;
  /** What stands after it, e.g. `TIME`; absent for a switch. */
  readonly value?: string;
  readonly help: string;
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
    usage: "convert FILE [MODEL] [flags]",
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
  status: {
    usage: "status [--watch] [-o json] [--name NAME]",
    summary: "Show how the run and each of its workers is",
    about:
      "One word for the run, one line a worker, and the last failure of each that failed. Exit 0 when all serve, 3 when it serves without some of them or is starting, 4 when it cannot serve or does not run.",
    operands: "any",
    flags: {
      watch: { short: "w", help: "Show it again each second" },
      output: { short: "o", value: "table|json", help: "Form of the answer" },
    },
  },
  logs: {
    usage: "logs [WORKER…] [-f] [--since TIME] [--grep WORD] [--json] [--name NAME]",
    summary: "Show what the workers wrote, of a run that has ended too",
    about:
      "Without WORKER all of them, one after the other, with -f as they write. pdserve names its own log. The probes' access lines are left out. A request's id finds it in the logs of both its workers.",
    operands: "any",
    flags: {
      follow: { short: "f", help: "Go on with what is written from now on" },
      since: { value: "TIME", help: "Only lines of the last TIME, such as 10m" },
      grep: { value: "PATTERN", help: "Only lines in which this regular expression occurs" },
      json: { help: "One JSON object a line, with worker and time" },
      lines: { short: "n", value: "N", help: "Only the last N lines of each worker" },
    },
  },
  restart: {
    usage: "restart WORKER… [--name NAME]",
    summary: "Drain, stop, start and prove workers, one after the other",
    about:
      "Requests in flight get --drain-timeout to finish; clients see nothing as long as another worker of the role serves. The way out of fatal, too.",
    operands: "any",
    flags: {},
  },
  drain: {
    usage: "drain WORKER… [--name NAME]",
    summary: "Give workers no more requests; they keep running",
    about: "Ends when nothing in flight needs the worker any more, or after --drain-timeout. undrain takes it back.",
    operands: "any",
    flags: {},
  },
  undrain: {
    usage: "undrain WORKER… [--name NAME]",
    summary: "Give drained workers requests again",
    about: "The opposite of drain.",
    operands: "any",
    flags: {},
  },
  reload: {
    usage: "reload [--name NAME]",
    summary: "Read the settings again and restart only what they change",
    about:
      "Reads the command line, environment and settings file that the run was started with, prints what differs, and restarts the workers concerned one at a time. When one does not become ready, all get their old plan back. SIGHUP does the same where the run has no terminal.",
    operands: "any",
    flags: {},
  },
  stop: {
    usage: "stop [--now] [--name NAME]",
    summary: "Drain and end the run, and wait until nothing is left of it",
    about: "The same as Ctrl-C in its terminal.",
    operands: "any",
    flags: { now: { help: "Do not wait for requests in flight" } },
  },
  wait: {
    usage: "wait [--timeout TIME] [--name NAME]",
    summary: "Wait until the run serves, and print its URL",
    about:
      "Exit 0 when it serves; otherwise its own exit code, with the diagnosis of the worker that failed. For scripts and service managers.",
    operands: "any",
    flags: { timeout: { value: "TIME", help: "Give up after TIME, exit code 75" } },
  },
  connectors: {
    usage: "connectors [explain|check NAME] [flags]",
    summary: "List the KV connectors and which work here; explain or try one",
    about:
      "Lists every connector with versions, devices, needs and how it fails. explain NAME prints all that is known of one: command lines, ports, requests, rules, proof. check NAME imports what it needs in the engine's Python and looks for its servers. --kv-extra-config counts, so that MultiConnector shows what it is made of. -o json for scripts.",
    operands: "any",
  },
  doctor: {
    usage: "doctor [MODEL] [flags]",
    summary: "Look for what is in the way of serving on this machine",
    about:
      "Driver, GPUs and their links, memory and its holders, ports, shared memory, limits, the engine and its connectors, leftovers of earlier runs, and with MODEL its plan. Each finding with what to do. Exit 0 when nothing is in the way, else 3. --bundle FILE writes an archive for a bug report.",
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
export const internalVerbs = ["sim-engine", "sim-sglang", "__core", "__router"] as const;

export type InternalVerb = (typeof internalVerbs)[number];

export function isVerb(word: string): word is VerbName {
  return Object.hasOwn(verbs, word);
}

export function isInternalVerb(word: string | undefined): word is InternalVerb {
  return internalVerbs.some((verb) => verb === word);
}
