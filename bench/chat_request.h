// A chat completion request as bytes, ready to be sent again and again under a new number.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  char *bytes, *number;  // number: sixteen digits in the body, NULL when the body has no place for them
  size_t len;
} Request;

static char *read_file(const char *path, size_t *len) {
  FILE *file = fopen(path, "rb");
  if (!file) return perror(path), exit(1), NULL;
  fseek(file, 0, SEEK_END);
  *len = ftell(file);
  rewind(file);
  char *bytes = malloc(*len + 1);
  if (fread(bytes, 1, *len, file) != *len) return perror(path), exit(1), NULL;
  fclose(file);
  bytes[*len] = 0;
  return bytes;
}

/// `extra` is put in front of the body's closing brace, its last byte.
static Request make_request(const char *path, const char *body, size_t body_len, const char *extra, int closes) {
  size_t extra_len = strlen(extra);
  Request request = {.bytes = malloc(body_len + extra_len + strlen(path) + 512)};
  int head = sprintf(request.bytes, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: load\r\n"
                                    "Accept: application/json\r\nAuthorization: Bearer EMPTY\r\nContent-Type: application/json\r\n"
                                    "%sContent-Length: %zu\r\n\r\n", path, closes ? "Connection: close\r\n" : "", body_len + extra_len);
  memcpy(request.bytes + head, body, body_len - 1);
  sprintf(request.bytes + head + body_len - 1, "%s}", extra);
  request.len = head + body_len + extra_len;
  request.number = strstr(request.bytes, "@@@@@@@@@@@@@@@@");
  return request;
}

static void number_request(Request *request, long number) {
  char digits[24];
  if (!request->number) return;
  snprintf(digits, sizeof digits, "%016ld", number);
  memcpy(request->number, digits, 16);
}
