// The command line of one of several models: the user's, with the model's entry, a port and a name of its own.

/** Flags that say of the whole run what each model has of its own. */
const replaced = ["--model-entry", "--port", "--name"];

export function argvOfModel(argv: readonly string[], entry: string): readonly string[] {
  const end = argv.indexOf("--");
  const own = end < 0 ? argv : argv.slice(0, end);
  const kept: string[] = [];
  for (let at = 0; at < own.length; at++) {
    const word = own[at] ?? "";
    if (replaced.includes(word)) at++;
    else if (!replaced.some((flag) => word.startsWith(`${flag}=`))) kept.push(word);
  }
  const added = ["--model-entry", entry, "--port", "0", "--name", entry];
  return [...kept, ...added, ...(end < 0 ? [] : argv.slice(end))];
}
