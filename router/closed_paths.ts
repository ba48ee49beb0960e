// Which paths are no client's: those by which an administrator changes engines or learns of their inside, and pdserve's own.

/**
 * Parts of the names that engines give to what an administrator does to them. Words and not whole paths, because the next
 * version's route for the same thing has one of them too. Source: the routes of vLLM 0.32 and SGLang 0.5.23.
 */
const adminWords = new RegExp(
  [
    // Requests and their admission.
    "abort|pause|resume|continue_gen|slow_down|freeze|shutdown|restart|(?<!s)kill",
    // What an engine holds: weights, adapters, caches, memory.
    "weight|adapter|cache|sleep|wake|memory_occ|corpus|corpora",
    // How engines stand to each other.
    "broadcast|collective|rpc|scal(e|ing)|world_size|remote_instance|role_switch|expert_dist|(?<!de)fault",
    // What they tell of themselves, addresses included.
    "kv_event|(server|model)_info|internal|dump|profil|trace_level|logging|debug|admin",
  ].join("|"),
  "i",
);

/** pdserve's own, for `--admin-key`. */
const ownPaths = /^\/(workers|list_workers|(add|remove)_worker)(\/|$)/;

/** Judged as an engine would read it: `/%70ause` is `/pause` to it. What has no one reading is closed. */
export function isClosedPath(path: string): boolean {
  const read = decoded(path);
  return read === null || adminWords.test(read) || ownPaths.test(read);
}

function decoded(path: string): string | null {
  try {
    const read = decodeURIComponent(path);
    // A second reading, or a way up the tree, would end at another path than the one judged.
    return /%|(^|\/)\.{1,2}(\/|$)|[^\x20-\x7e]/.test(read) ? null : read;
  } catch {
    return null;
  }
}

export function whyClosed(method: string, path: string): string {
  return `${method} ${path} is an administrator's, since it may change the engines or tell of their inside; ` +
    "start pdserve with --admin-key and send that key, or ask on the run's own socket under /router";
}
