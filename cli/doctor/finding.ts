// One thing the doctor looked at.

export interface Finding {
  readonly category: string;
  /** `unknown`: it could not be looked at, which is no fault. */
  readonly status: "ok" | "warning" | "error" | "unknown";
  readonly what: string;
  /** What to do about it; null where nothing need be done. */
  readonly fix: string | null;
}

export const ok = (category: string, what: string): Finding => ({ category, status: "ok", what, fix: null });
export const unknown = (category: string, what: string): Finding => ({ category, status: "unknown", what, fix: null });

export function warning(category: string, what: string, fix: string): Finding {
  return { category, status: "warning", what, fix };
}

export function failing(category: string, what: string, fix: string): Finding {
  return { category, status: "error", what, fix };
}
