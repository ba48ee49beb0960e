// A binary heap of timers for one thread: the earliest first. Embed a Timer, set `due_ns`, and add it.

#include <stdlib.h>
#include <time.h>

typedef struct {
  long due_ns;
  size_t at;  // index in the heap; 0: not in it
} Timer;

static Timer **timers;  // from index 1
static size_t timer_count, timer_capacity;

static long now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000L + t.tv_nsec;
}

static void timer_place(size_t at, Timer *timer) {
  timers[at] = timer;
  timer->at = at;
}

static void timer_up(size_t at) {
  Timer *timer = timers[at];
  for (; at > 1 && timers[at / 2]->due_ns > timer->due_ns; at /= 2) timer_place(at, timers[at / 2]);
  timer_place(at, timer);
}

static void timer_down(size_t at) {
  Timer *timer = timers[at];
  for (size_t child; (child = at * 2) <= timer_count; at = child) {
    if (child < timer_count && timers[child + 1]->due_ns < timers[child]->due_ns) child++;
    if (timers[child]->due_ns >= timer->due_ns) break;
    timer_place(at, timers[child]);
  }
  timer_place(at, timer);
}

static void timer_add(Timer *timer) {
  if (timer_count + 2 > timer_capacity) {
    timer_capacity = timer_capacity ? timer_capacity * 2 : 1024;
    timers = realloc(timers, timer_capacity * sizeof *timers);
  }
  timer_place(++timer_count, timer);
  timer_up(timer_count);
}

static void timer_remove(Timer *timer) {
  size_t at = timer->at;
  if (at == 0) return;
  Timer *last = timers[timer_count--];
  timer->at = 0;
  if (last == timer) return;
  timer_place(at, last);
  timer_up(at);
  timer_down(last->at);
}

/// How long until the earliest is due, for epoll_pwait2; a second when there is none.
static struct timespec timer_wait(void) {
  long wait = timer_count > 0 ? timers[1]->due_ns - now_ns() : 1000000000L;
  if (wait < 0) wait = 0;
  return (struct timespec){wait / 1000000000L, wait % 1000000000L};
}
