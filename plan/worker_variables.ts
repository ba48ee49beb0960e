// The environment a worker gets from plan and user together.

type Variables = Readonly<Record<string, string>>;

/** The user's word counts, except for where a worker listens and which devices it sees: those keep workers apart. */
export function workerVariables(planned: Variables, user: Variables): Variables {
  const kept = Object.entries(planned).filter(([name]) => keepsWorkersApart(name));
  return { ...planned, ...user, ...Object.fromEntries(kept) };
}

function keepsWorkersApart(name: string): boolean {
  return /(_PORT|_HOST|_HOST_IP|_VISIBLE_DEVICES|_DEVICE_ORDER|_VISIBLE_CHIPS|_AFFINITY_MASK)$/.test(name);
}
