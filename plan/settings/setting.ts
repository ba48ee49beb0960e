// One row of the table of settings.

export type SettingGroup =
  | "Topology"
  | "Other tools"
  | "Model and engine"
  | "KV connector"
  | "Router"
  | "Limits"
  | "Run"
  | "Output";

export interface Setting {
  /** Long flag; its environment twin is PDSERVE_ plus the name in capitals. A switch with default true is `--no-…`. */
  readonly flag: string;
  /** Other spellings people bring from vLLM and its routers. */
  readonly aliases?: readonly string[];
  /** Path in pdserve.yaml; null for what makes no sense in a file. */
  readonly yaml: string | null;
  readonly kind: "text" | "url" | "count" | "port" | "duration" | "bytes" | "switch" | "choice" | "list" | "json";
  readonly choices?: readonly string[];
  /** As a user would type it; null when there is none. */
  readonly default: string | null;
  readonly group: SettingGroup;
  /** What stands after the flag in help, e.g. `0,1`. */
  readonly hint?: string;
  readonly help: string;
  /** Shown in the short help (`-h`). */
  readonly short?: boolean;
  readonly secret?: boolean;
  /** Least value of a count; 1 when not said. */
  readonly least?: 0;
}
