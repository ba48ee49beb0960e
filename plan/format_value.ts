// A setting's value as a user would type it.

import type { SettingValue } from "./read_value.ts";
import type { Setting } from "./settings.ts";

export function formatValue(setting: Setting, value: SettingValue): string {
  if (setting.kind === "duration" && typeof value === "number") return formatDuration(value);
  if (setting.kind === "bytes" && typeof value === "number") return formatBytes(value);
  if (Array.isArray(value)) return value.join(" ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function formatDuration(milliseconds: number): string {
  const units = [["h", 3_600_000], ["m", 60_000], ["s", 1000]] as const;
  const whole = units.find(([, size]) => milliseconds >= size && milliseconds % size === 0);
  return whole === undefined ? `${milliseconds}ms` : `${milliseconds / whole[1]}${whole[0]}`;
}

function formatBytes(bytes: number): string {
  const units = [["t", 2 ** 40], ["g", 2 ** 30], ["m", 2 ** 20], ["k", 2 ** 10]] as const;
  const whole = units.find(([, size]) => bytes >= size && bytes % size === 0);
  return whole === undefined ? String(bytes) : `${bytes / whole[1]}${whole[0]}`;
}
