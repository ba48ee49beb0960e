// A mock of inference workers: prefill listeners answer one JSON body with NIXL-style kv_transfer_params, decode
// listeners stream SSE chunks that carry the time they were sent. One process serves all listeners on one core and
// costs next to nothing itself, so what is measured is the router.
//
//   mock_worker prefill:9001 decode:9002
//   curl 'http://127.0.0.1:9002/configure?chunks=64&chunk_bytes=200&pace_us=5000&burst=0&delay_us=0'
//   curl http://127.0.0.1:9002/counters      -> {"requests":N,"bad":N,"connections":N,"aborted":N}

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "timers.h"

enum { MAX_LISTENERS = 16, MAX_EVENTS = 512, READ_BYTES = 1 << 18 };

typedef struct {
  int fd, is_decode;
  int chunks, chunk_bytes, pace_us, burst, delay_us, block_ids;
  long requests, bad, connections, aborted;
} Listener;

typedef struct {
  Timer timer;  // first, so that a timer's address is its connection's
  int fd, wants_write;
  Listener *listener;
  char *in;
  size_t in_len, in_cap;
  char *out;
  size_t out_len, out_cap, out_sent;
  int is_busy, head_sent, chunks_sent;
} Connection;

static Listener listeners[MAX_LISTENERS];
static int listener_count, epoll_fd;

// ---- writing

static void watch(Connection *c, int wants_write) {
  if (c->wants_write == wants_write) return;
  c->wants_write = wants_write;
  struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | (wants_write ? EPOLLOUT : 0), .data.ptr = c};
  epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
}

/// Sends what is queued; 0 when the connection is gone.
static int flush(Connection *c) {
  while (c->out_sent < c->out_len) {
    ssize_t sent = send(c->fd, c->out + c->out_sent, c->out_len - c->out_sent, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return watch(c, 1), 1;
    if (sent < 0) return 0;
    c->out_sent += sent;
  }
  c->out_len = c->out_sent = 0;
  watch(c, 0);
  return 1;
}

static void queue(Connection *c, const char *bytes, size_t len) {
  if (c->out_len + len > c->out_cap) c->out = realloc(c->out, c->out_cap = (c->out_len + len) * 2);
  memcpy(c->out + c->out_len, bytes, len);
  c->out_len += len;
}

static void queue_json(Connection *c, const char *json) {
  char head[256];
  size_t len = strlen(json);
  queue(c, head, sprintf(head, "HTTP/1.1 200 OK\r\ndate: Sat, 21 Nov 2026 00:00:00 GMT\r\nserver: uvicorn\r\n"
                               "content-length: %zu\r\ncontent-type: application/json\r\n\r\n", len));
  queue(c, json, len);
}

static void queue_prefill_answer(Connection *c) {
  static char json[1 << 17];
  char *p = json;
  p += sprintf(p, "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1760000000,\"model\":\"m\",\"choices\":"
                  "[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"x\"},\"finish_reason\":\"length\"}],"
                  "\"usage\":{\"prompt_tokens\":100,\"total_tokens\":101,\"completion_tokens\":1},\"kv_transfer_params\":"
                  "{\"do_remote_prefill\":true,\"do_remote_decode\":false,\"remote_engine_id\":\"engine-prefill-0\","
                  "\"remote_request_id\":\"chatcmpl-1\",\"remote_host\":\"127.0.0.1\",\"remote_port\":5600,\"tp_size\":1,"
                  "\"remote_block_ids\":[");
  for (int i = 0; i < c->listener->block_ids; i++) p += sprintf(p, "%s%d", i ? "," : "", 1000 + i * 7);
  sprintf(p, "]}}");
  queue_json(c, json);
}

static void queue_chunk(Connection *c) {
  static char chunk[1 << 17];
  static const char end[] = "\"}}]}\n\n";
  int len = sprintf(chunk, "data: {\"t\":%ld,\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1760000000,"
                           "\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"", now_ns());
  int wanted = c->listener->chunk_bytes - (int)sizeof end + 1;
  if (wanted > (int)sizeof chunk - 64) wanted = sizeof chunk - 64;
  while (len < wanted) chunk[len++] = 'x';
  memcpy(chunk + len, end, sizeof end - 1);
  len += sizeof end - 1;
  char size[16];
  queue(c, size, sprintf(size, "%x\r\n", len));
  queue(c, chunk, len);
  queue(c, "\r\n", 2);
  c->chunks_sent++;
}

/// Sends as much of the stream as is due; 0 when the connection is gone.
static int drive_stream(Connection *c) {
  static const char head[] = "HTTP/1.1 200 OK\r\ndate: Sat, 21 Nov 2026 00:00:00 GMT\r\nserver: uvicorn\r\n"
                             "content-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n";
  static const char done[] = "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n";
  Listener *l = c->listener;
  if (!c->head_sent) queue(c, head, sizeof head - 1);
  c->head_sent = 1;
  while (c->chunks_sent < l->chunks) {
    queue_chunk(c);
    if (l->burst) continue;
    if (!flush(c)) return 0;
    if (l->pace_us > 0) return c->timer.due_ns += l->pace_us * 1000L, timer_add(&c->timer), 1;
  }
  queue(c, done, sizeof done - 1);
  c->is_busy = 0;
  return flush(c);
}

static int answer(Connection *c) {
  if (c->listener->is_decode) return drive_stream(c);
  queue_prefill_answer(c);
  c->is_busy = 0;
  return flush(c);
}

// ---- reading

static void configure(Listener *l, const char *query) {
  struct { const char *name; int *value; } settings[] = {
      {"chunks=", &l->chunks}, {"chunk_bytes=", &l->chunk_bytes}, {"pace_us=", &l->pace_us},
      {"burst=", &l->burst},   {"delay_us=", &l->delay_us},       {"block_ids=", &l->block_ids}};
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
    const char *at = strstr(query, settings[i].name);
    if (at) *settings[i].value = atoi(at + strlen(settings[i].name));
  }
}

static int answer_get(Connection *c, char *request) {
  Listener *l = c->listener;
  char json[256];
  if (!strncmp(request, "GET /configure?", 15)) configure(l, request + 15);
  if (!strncmp(request, "GET /version", 12)) queue_json(c, "{\"version\":\"0.32.0\"}");
  else if (!strncmp(request, "GET /v1/models", 14)) {
    queue_json(c, "{\"object\":\"list\",\"data\":[{\"id\":\"m\",\"object\":\"model\",\"owned_by\":\"vllm\",\"max_model_len\":1000000}]}");
  } else {
    sprintf(json, "{\"requests\":%ld,\"bad\":%ld,\"connections\":%ld,\"aborted\":%ld}", l->requests, l->bad, l->connections, l->aborted);
    queue_json(c, json);
  }
  return flush(c);
}

/// Counts a request that was not split as it should be: a decode leg needs block ids, a prefill leg one token.
static void check_leg(Listener *l, const char *body, size_t len) {
  int has_params = memmem(body, len, "kv_transfer_params", 18) != NULL;
  const char *needed = l->is_decode ? "remote_block_ids" : "do_remote_decode";
  if (!has_params || memmem(body, len, needed, strlen(needed)) == NULL) l->bad++;
}

/// Length of the whole request at the start of the buffer; 0 while it is incomplete.
static size_t request_length(Connection *c, size_t *head_len) {
  char *end = memmem(c->in, c->in_len, "\r\n\r\n", 4);
  if (!end) return 0;
  *head_len = end - c->in + 4;
  *end = 0;
  char *length = strcasestr(c->in, "\r\ncontent-length:");
  int is_chunked = !length && strcasestr(c->in, "\r\ntransfer-encoding: chunked");
  *end = '\r';
  if (is_chunked) {
    char *last = memmem(c->in + *head_len, c->in_len - *head_len, "0\r\n\r\n", 5);
    return last ? last + 5 - c->in : 0;
  }
  size_t total = *head_len + (length ? strtoul(length + 17, NULL, 10) : 0);
  return c->in_len >= total ? total : 0;
}

/// Answers the next request in the buffer, if it is whole; 0 when the connection is gone.
static int take_request(Connection *c) {
  size_t head_len, total;
  while (!c->is_busy && (total = request_length(c, &head_len)) > 0) {
    int is_get = !strncmp(c->in, "GET ", 4), alive;
    if (!is_get) {
      c->listener->requests++;
      check_leg(c->listener, c->in + head_len, total - head_len);
      c->is_busy = 1;
      c->head_sent = c->chunks_sent = 0;
      c->timer.due_ns = now_ns() + c->listener->delay_us * 1000L;
    }
    if (is_get) alive = answer_get(c, c->in);
    else if (c->listener->delay_us > 0) alive = (timer_add(&c->timer), 1);
    else alive = answer(c);
    if (!alive) return 0;
    memmove(c->in, c->in + total, c->in_len -= total);
  }
  return 1;
}

static int read_all(Connection *c) {
  static char bytes[READ_BYTES];
  for (;;) {
    ssize_t got = recv(c->fd, bytes, sizeof bytes, 0);
    if (got < 0 && errno == EAGAIN) break;
    if (got <= 0) return 0;
    if (c->in_len + got + 1 > c->in_cap) c->in = realloc(c->in, c->in_cap = (c->in_len + got + 1) * 2);
    memcpy(c->in + c->in_len, bytes, got);
    c->in_len += got;
    c->in[c->in_len] = 0;
    if (got < READ_BYTES) break;
  }
  return take_request(c);
}

// ---- connections

static void accept_all(Listener *l) {
  for (int fd; (fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    Connection *c = calloc(1, sizeof *c);
    c->fd = fd;
    c->listener = l;
    l->connections++;
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = c};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
  }
}

static void drop(Connection *c) {
  if (c->is_busy) c->listener->aborted++;
  timer_remove(&c->timer);
  close(c->fd);
  free(c->in);
  free(c->out);
  free(c);
}

static void listen_on(const char *spec) {
  Listener *l = &listeners[listener_count++];
  *l = (Listener){.is_decode = !strncmp(spec, "decode:", 7), .chunks = 1, .chunk_bytes = 200, .block_ids = 64};
  l->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  int on = 1;
  setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(strchr(spec, ':') + 1)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(l->fd, (void *)&address, sizeof address) || listen(l->fd, 4096)) {
    perror(spec);
    exit(1);
  }
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = l};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, l->fd, &event);
}

static void run_due_timers(void) {
  long now = now_ns();
  while (timer_count > 0 && timers[1]->due_ns <= now) {
    Connection *c = (Connection *)timers[1];
    timer_remove(&c->timer);
    if (!answer(c) || !take_request(c)) drop(c);
  }
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  epoll_fd = epoll_create1(0);
  for (int i = 1; i < argc && i <= MAX_LISTENERS; i++) listen_on(argv[i]);
  if (listener_count == 0) return fprintf(stderr, "usage: mock_worker prefill:PORT decode:PORT ...\n"), 2;
  static struct epoll_event events[MAX_EVENTS];
  for (;;) {
    struct timespec timeout = timer_wait();
    int n = epoll_pwait2(epoll_fd, events, MAX_EVENTS, &timeout, NULL);
    for (int i = 0; i < n; i++) {
      void *who = events[i].data.ptr;
      if (who >= (void *)listeners && who < (void *)(listeners + MAX_LISTENERS)) {
        accept_all(who);
        continue;
      }
      int alive = 1;
      if (events[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) alive = read_all(who);
      if (alive && (events[i].events & EPOLLOUT)) alive = flush(who);
      if (!alive) drop(who);
    }
    run_due_timers();
  }
}
