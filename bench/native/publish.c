/*
 * Publishes stamped messages over one kept-alive connection, for servers that accept them over HTTP.
 *
 *   publish PORT PATH MESSAGES SIZE HZ    HZ 0: each as soon as the previous one has a response
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int awaitAnswer(int fd) {
  static char answer[32768];
  size_t length = 0;
  for (;;) {
    ssize_t n = read(fd, answer + length, sizeof answer - 1 - length);
    if (n <= 0) return 0;
    answer[length += n] = 0;
    char *body = strstr(answer, "\r\n\r\n");
    if (!body) continue;
    char *size = strcasestr(answer, "content-length:");
    size_t whole = body + 4 - answer + (size && size < body ? strtoul(size + 15, NULL, 10) : 0);
    if (length >= whole) return answer[9] == '2';
  }
}

int main(int argc, char **argv) {
  if (argc < 6) return 2;
  int port = atoi(argv[1]), size = atoi(argv[4]), on = 1;
  long messages = atol(argv[3]);
  double hz = atof(argv[5]);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, (void *)&to, sizeof to)) {
    perror("connect");
    return 1;
  }
  uint64_t started = now();
  for (long i = 0; i < messages; i++) {
    if (hz > 0) {
      uint64_t due = started + (uint64_t)(i * 1e6 / hz), at = now();
      if (due > at) usleep(due - at);
    }
    static char request[70000];
    int head = sprintf(request,
                       "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                       "Content-Length: %d\r\n\r\n",
                       argv[2], size);
    int n = head + sprintf(request + head, "{\"t\":%llu,\"p\":\"", (unsigned long long)now());
    while (n < head + size - 2) request[n++] = 'x';
    memcpy(request + n, "\"}", 2);
    if (write(fd, request, n + 2) != n + 2 || !awaitAnswer(fd)) {
      fprintf(stderr, "message %ld was not taken\n", i);
      return 1;
    }
  }
  return 0;
}
