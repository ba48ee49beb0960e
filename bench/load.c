// Drives streamed chat completions at a router, or itself does both legs at the mock workers (the direct path), and
// prints one line of JSON about the measured window. Chunks carry the time the worker sent them, so their delay is known.
//
//   load --port 8000 --connections 32 --seconds 5 --body FILE [--warmup 1] [--rate 25] [--stagger-ms 300]
//        [--churn] [--direct PREFILL_PORT,DECODE_PORT] [--path /v1/chat/completions] [--pids 1,2,3]
//
// A run of sixteen `@` in the body is replaced by the request's number, so that no two bodies are equal.
// --pids: processes whose CPU time (all threads) and memory are read at both ends of the window.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chat_request.h"
#include "process_cost.h"
#include "samples.h"
#include "timers.h"

enum { MAX_EVENTS = 256, READ_BYTES = 1 << 18, LINE_BYTES = 128, HEAD_BYTES = 8192 };

typedef enum { HEAD, SIZED, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILER } Phase;
typedef enum { PREFILL, DECODE, ROUTED } Leg;

typedef struct {
  Timer timer;  // first: when the next request of this connection starts
  int fd[3];
  Leg leg;
  int is_busy, saw_data, saw_done, status, keep_alive;
  size_t sent;
  long start_ns, left;
  Phase phase;
  char head[HEAD_BYTES], line[LINE_BYTES];
  int head_len, line_len;
} Stream;

static struct {
  int port, connections, churn, prefill_port, decode_port;
  double seconds, warmup, rate, stagger_ms;
  const char *pids, *path;
} options = {.connections = 1, .seconds = 5, .warmup = 1, .path = "/v1/chat/completions"};

static Request requests[3];
static Samples first_chunk, chunk_delay, total;
static long numbered, completed, chunks, errors;
static int epoll_fd, is_measuring;
static long window_end_ns;

static void record(Samples *samples, long ns) {
  if (is_measuring) samples_add(samples, ns);
}

static void make_requests(const char *body_path) {
  size_t len;
  char *body = read_file(body_path, &len);
  while (len > 0 && body[len - 1] != '}') len--;
  requests[ROUTED] = make_request(options.path, body, len, "", options.churn);
  requests[PREFILL] = make_request(options.path, body, len, ",\"max_tokens\":1,\"kv_transfer_params\":{\"do_remote_decode\":true}", 0);
  requests[DECODE] = make_request(options.path, body, len, ",\"kv_transfer_params\":{\"do_remote_prefill\":true,\"remote_block_ids\":[1,2,3]}", 0);
}

// ---- connections

static void watch(Stream *s, Leg leg, int operation, int wants_write) {
  struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | (wants_write ? EPOLLOUT : 0), .data.ptr = s};
  epoll_ctl(epoll_fd, operation, s->fd[leg], &event);
}

static void open_socket(Stream *s, Leg leg) {
  int port = leg == ROUTED ? options.port : leg == PREFILL ? options.prefill_port : options.decode_port, on = 1;
  int fd = s->fd[leg] = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (connect(fd, (void *)&address, sizeof address)) {
    perror("connect");
    exit(1);
  }
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  watch(s, leg, EPOLL_CTL_ADD, 0);
}

static void close_socket(Stream *s, Leg leg) {
  close(s->fd[leg]);
  s->fd[leg] = -1;
}

static void send_rest(Stream *s) {
  Request *request = &requests[s->leg];
  while (s->sent < request->len) {
    ssize_t sent = send(s->fd[s->leg], request->bytes + s->sent, request->len - s->sent, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return watch(s, s->leg, EPOLL_CTL_MOD, 1);
    if (sent < 0) return;
    s->sent += sent;
    if (s->sent == request->len) watch(s, s->leg, EPOLL_CTL_MOD, 0);
  }
}

static void start_leg(Stream *s, Leg leg) {
  s->leg = leg;
  s->phase = HEAD;
  s->head_len = s->line_len = s->saw_data = s->saw_done = 0;
  s->sent = 0;
  if (s->fd[leg] < 0) open_socket(s, leg);
  // A request that is sent piece by piece may end with a later one's number: still no two bodies are equal.
  if (leg != DECODE) numbered++;
  number_request(&requests[leg], numbered);
  send_rest(s);
}

static void start(Stream *s) {
  s->is_busy = 1;
  // At a fixed rate a late start counts as delay.
  s->start_ns = options.rate > 0 ? s->timer.due_ns : now_ns();
  start_leg(s, options.decode_port ? PREFILL : ROUTED);
}

static void schedule_next(Stream *s) {
  if (options.rate == 0) return start(s);
  long interval = (long)(1e9 * options.connections / options.rate);
  do s->timer.due_ns += interval;
  while (s->timer.due_ns < now_ns() - interval);
  timer_add(&s->timer);
}

static void finish(Stream *s) {
  if (s->leg == PREFILL && s->status == 200) return start_leg(s, DECODE);
  s->is_busy = 0;
  if (s->status != 200 || !s->saw_done) errors++;
  else if (is_measuring) completed++;
  record(&total, now_ns() - s->start_ns);
  if (options.churn) close_socket(s, s->leg);
  schedule_next(s);
}

static void fail(Stream *s) {
  close_socket(s, s->leg);
  if (!s->is_busy) return;
  errors++;
  s->is_busy = 0;
  schedule_next(s);
}

// ---- answers

static void take_line(Stream *s, long now) {
  s->line[s->line_len < LINE_BYTES ? s->line_len : LINE_BYTES - 1] = 0;
  if (!strncmp(s->line, "data: {\"t\":", 11)) {
    record(&chunk_delay, now - strtol(s->line + 11, NULL, 10));
    if (is_measuring) chunks++;
  } else if (!strncmp(s->line, "data: [DONE]", 12)) s->saw_done = 1;
  s->line_len = 0;
}

static void take_payload(Stream *s, const char *bytes, long len, long now) {
  if (len > 0 && !s->saw_data && s->leg != PREFILL) {
    s->saw_data = 1;
    record(&first_chunk, now - s->start_ns);
  }
  for (long i = 0; i < len;) {
    const char *feed = memchr(bytes + i, '\n', len - i);
    long part = feed ? feed - (bytes + i) : len - i;
    int room = LINE_BYTES - 1 - s->line_len, kept = part < room ? part : room;
    memcpy(s->line + s->line_len, bytes + i, kept);
    s->line_len += kept;
    i += part + (feed != NULL);
    if (feed) take_line(s, now);
  }
}

/// Reads the head; gives how many of the bytes belong to it.
static long take_head(Stream *s, const char *bytes, long len) {
  long room = HEAD_BYTES - 1 - s->head_len, before = s->head_len, kept = len < room ? len : room;
  memcpy(s->head + before, bytes, kept);
  s->head_len += kept;
  s->head[s->head_len] = 0;
  char *end = strstr(s->head, "\r\n\r\n");
  if (!end) return len;
  end[2] = 0;
  s->status = atoi(s->head + 9);
  char *length = strcasestr(s->head, "\r\ncontent-length:");
  s->phase = length ? SIZED : CHUNK_SIZE;
  s->left = length ? atol(length + 17) : 0;
  s->line_len = 0;
  return end + 4 - s->head - before;
}

static void take_chunk_size(Stream *s, char byte) {
  if (byte == '\n') s->phase = s->left > 0 ? CHUNK_DATA : TRAILER;
  else if (byte != '\r') s->left = s->left * 16 + (byte <= '9' ? byte - '0' : (byte | 0x20) - 'a' + 10);
}

/// Feeds one read; at the end of an answer the rest of the read is of no interest.
static void take(Stream *s, const char *bytes, long len, long now) {
  for (long i = 0; i < len;) {
    long part = 1;
    switch (s->phase) {
      case HEAD:
        part = take_head(s, bytes + i, len - i);
        if (s->phase == SIZED && s->left == 0) return finish(s);
        break;
      case SIZED:
      case CHUNK_DATA:
        part = s->left < len - i ? s->left : len - i;
        take_payload(s, bytes + i, part, now);
        s->left -= part;
        if (s->left > 0) break;
        if (s->phase == SIZED) return finish(s);
        s->phase = CHUNK_END;
        break;
      case CHUNK_END:
        if (bytes[i] == '\n') s->phase = CHUNK_SIZE;
        break;
      case CHUNK_SIZE:
        take_chunk_size(s, bytes[i]);
        break;
      case TRAILER:
        if (bytes[i] == '\n') return finish(s);
    }
    i += part;
  }
}

static void on_event(Stream *s, unsigned events) {
  static char bytes[READ_BYTES];
  if (events & EPOLLOUT) send_rest(s);
  if (!(events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP))) return;
  Leg leg = s->leg;
  if (s->fd[leg] < 0) return;
  ssize_t got = recv(s->fd[leg], bytes, sizeof bytes, 0);
  if (got > 0) take(s, bytes, got, now_ns());
  else if (got == 0 || errno != EAGAIN) fail(s);
}

// ---- the run

static void run(Stream *streams) {
  long begin = now_ns(), window = begin + options.warmup * 1e9;
  window_end_ns = window + options.seconds * 1e9;
  double spacing = options.rate > 0 ? 1e9 / options.rate : options.stagger_ms * 1e6 / options.connections;
  for (int i = 0; i < options.connections; i++) {
    streams[i].timer.due_ns = begin + (long)(spacing * i);
    timer_add(&streams[i].timer);
  }
  Cost before = {0, 0};
  static struct epoll_event events[MAX_EVENTS];
  for (long now = begin; now < window_end_ns; now = now_ns()) {
    if (!is_measuring && now >= window) {
      before = cost_of(options.pids);
      is_measuring = 1;
      window = now_ns();
    }
    while (timer_count > 0 && timers[1]->due_ns <= now) {
      Stream *s = (Stream *)timers[1];
      timer_remove(&s->timer);
      start(s);
    }
    struct timespec timeout = timer_wait();
    if (timeout.tv_sec > 0 || timeout.tv_nsec > 50000000) timeout = (struct timespec){0, 50000000};
    int n = epoll_pwait2(epoll_fd, events, MAX_EVENTS, &timeout, NULL);
    for (int i = 0; i < n; i++) on_event(events[i].data.ptr, events[i].events);
  }
  double elapsed = (now_ns() - window) / 1e9;
  Cost after = cost_of(options.pids);
  printf("{\"seconds\":%.3f,\"requests\":%ld,\"chunks\":%ld,\"errors\":%ld,", elapsed, completed, chunks, errors);
  samples_print("ttft_us", &first_chunk);
  samples_print("chunk_us", &chunk_delay);
  samples_print("total_us", &total);
  printf("\"cpu_us\":%.0f,\"pss_kb\":%ld}\n", (after.cpu_ns - before.cpu_ns) / 1e3, after.pss_kb);
}

int main(int argc, char **argv) {
  static const struct option names[] = {{"port", 1, 0, 'p'}, {"connections", 1, 0, 'c'}, {"seconds", 1, 0, 's'}, {"warmup", 1, 0, 'w'},
                                        {"rate", 1, 0, 'r'}, {"stagger-ms", 1, 0, 'g'}, {"body", 1, 0, 'b'}, {"churn", 0, 0, 'x'},
                                        {"direct", 1, 0, 'd'}, {"pids", 1, 0, 'i'}, {"path", 1, 0, 'u'}, {0, 0, 0, 0}};
  const char *body = NULL;
  for (int option; (option = getopt_long(argc, argv, "", names, NULL)) > 0;) {
    switch (option) {
      case 'p': options.port = atoi(optarg); break;
      case 'c': options.connections = atoi(optarg); break;
      case 's': options.seconds = atof(optarg); break;
      case 'w': options.warmup = atof(optarg); break;
      case 'r': options.rate = atof(optarg); break;
      case 'g': options.stagger_ms = atof(optarg); break;
      case 'b': body = optarg; break;
      case 'x': options.churn = 1; break;
      case 'd': sscanf(optarg, "%d,%d", &options.prefill_port, &options.decode_port); break;
      case 'i': options.pids = optarg; break;
      case 'u': options.path = optarg; break;
      default: return 2;
    }
  }
  if (!body || (!options.port && !options.decode_port)) return fprintf(stderr, "load: --body and --port or --direct are needed\n"), 2;
  signal(SIGPIPE, SIG_IGN);
  epoll_fd = epoll_create1(0);
  make_requests(body);
  Stream *streams = calloc(options.connections, sizeof *streams);
  for (int i = 0; i < options.connections; i++) streams[i].fd[0] = streams[i].fd[1] = streams[i].fd[2] = -1;
  run(streams);
}
