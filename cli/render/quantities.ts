// Times and sizes as people say them.

/** `0.4s`, `41s`, `1m 38s`, `2h 11m`. */
export function elapsedText(ms: number): string {
  if (ms < 950) return `${(ms / 1000).toFixed(1)}s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes}m ${twoDigits(seconds % 60)}s`
    : `${Math.floor(minutes / 60)}h ${twoDigits(minutes % 60)}m`;
}

/** Two figures that matter: `3.4`, `12`, `250`. */
export function shortNumber(value: number): string {
  return value < 10 ? value.toFixed(1).replace(/\.0$/, "") : value.toFixed(0);
}

export function bytesText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${shortNumber(bytes / 1024 ** power)} ${units[power]}`;
}

/** `512`, `66k`, `1.2M`. */
export function tokensText(tokens: number): string {
  if (tokens < 1_000) return String(tokens);
  return tokens < 999_500 ? `${shortNumber(tokens / 1_000)}k` : `${shortNumber(tokens / 1_000_000)}M`;
}

/** `1 request`, `7 requests`. */
export function countText(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
