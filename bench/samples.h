// Durations of one window, and their percentiles.

#include <stdio.h>
#include <stdlib.h>

enum { MAX_SAMPLES = 4000000 };

typedef struct {
  unsigned *values;  // ns, at most 4 s
  long count;
} Samples;

static void samples_add(Samples *samples, long ns) {
  if (!samples->values) samples->values = malloc(MAX_SAMPLES * sizeof *samples->values);
  if (samples->count == MAX_SAMPLES) return;
  samples->values[samples->count++] = ns < 0 ? 0 : ns > 4000000000L ? 4000000000L : ns;
}

static int by_value(const void *a, const void *b) {
  unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
  return x < y ? -1 : x > y;
}

/// As a JSON member, in microseconds.
static void samples_print(const char *name, Samples *samples) {
  double us[2] = {0, 0}, at[2] = {0.5, 0.99};
  if (samples->count > 0) qsort(samples->values, samples->count, sizeof *samples->values, by_value);
  for (int i = 0; i < 2 && samples->count > 0; i++) us[i] = samples->values[(long)(samples->count * at[i])] / 1e3;
  printf("\"%s\":{\"p50\":%.1f,\"p99\":%.1f},", name, us[0], us[1]);
}
