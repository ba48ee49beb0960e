// How much KV the workers of a role have room for together.

import type { Role } from "../kv/connector.ts";
import type { KvRoom } from "./engines/engine.ts";

export type KvRoomByRole = Readonly<Partial<Record<Role, KvRoom>>>;

/** Null rooms are of workers that did not tell: then nothing is said of their role. */
export function kvRoomByRole(workers: readonly { readonly role: Role; readonly room: KvRoom | null }[]): KvRoomByRole {
  const rooms: Partial<Record<Role, KvRoom>> = {};
  const silent = new Set(workers.flatMap(({ role, room }) => room === null ? [role] : []));
  for (const { role, room } of workers) {
    if (room !== null && !silent.has(role)) rooms[role] = addRoom(rooms[role] ?? null, room);
  }
  return rooms;
}

/** The shorter of two longest requests is the one that fits everywhere. */
export function addRoom(one: KvRoom | null, other: KvRoom): KvRoom {
  if (one === null) return other;
  const [a, b] = [one.requestTokens, other.requestTokens];
  return { tokens: one.tokens + other.tokens, requestTokens: a === null || b === null ? null : Math.min(a, b) };
}
