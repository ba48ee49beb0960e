// What processes have cost so far: CPU time over all their threads, and memory.

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  long cpu_ns, pss_kb;
} Cost;

static long first_number(const char *path, int skip) {
  long value = 0;
  FILE *file = fopen(path, "r");
  if (!file) return 0;
  for (int i = 0; i <= skip; i++) {
    if (fscanf(file, "%ld", &value) != 1) value = 0;
  }
  fclose(file);
  return value;
}

/// Threads from schedstat, not clock ticks: a router that sleeps most of the time is measured to the nanosecond.
static long cpu_ns_of(int pid) {
  char path[320];
  long sum = 0;
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR *folder = opendir(path);
  for (struct dirent *entry; folder && (entry = readdir(folder));) {
    if (entry->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, entry->d_name);
    sum += first_number(path, 0);
  }
  if (folder) closedir(folder);
  return sum;
}

/// Proportional: pages that several processes share, such as a router's own two, count once.
static long pss_kb_of(int pid) {
  char path[64], line[256];
  long kb = 0;
  snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
  FILE *file = fopen(path, "r");
  while (file && fgets(line, sizeof line, file)) {
    if (sscanf(line, "Pss: %ld", &kb) == 1) break;
  }
  if (file) fclose(file);
  return kb;
}

/// `pids` is a list with commas, or NULL.
static Cost cost_of(const char *pids) {
  Cost cost = {0, 0};
  for (const char *at = pids; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
    int pid = atoi(at);
    cost.cpu_ns += cpu_ns_of(pid);
    cost.pss_kb += pss_kb_of(pid);
  }
  return cost;
}
