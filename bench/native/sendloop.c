/*
 * The limit: a server that does nothing but send() the same bytes to every socket, one thread.
 * Any GET is answered with an event stream that stays open.
 *
 *   sendloop PORT
 *
 * Prints {"event":"ready"}, then reads commands from standard input:
 *   burst MESSAGES BATCH SIZE    publishes MESSAGES, BATCH of them between two polls of the sockets
 *   rate MESSAGES HZ SIZE        publishes MESSAGES, HZ a second
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_FILES 200000

/* What the kernel's buffer of a socket did not accept. */
static struct { char *bytes; size_t length, capacity; int place; } waiting[MAX_FILES];
static int readers[MAX_FILES], readerCount, epoll;

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void watch(int fd, uint32_t events, int op) {
  struct epoll_event e = {.events = events, .data.fd = fd};
  epoll_ctl(epoll, op, fd, &e);
}

static void sendWaiting(int fd) {
  while (waiting[fd].length) {
    ssize_t n = send(fd, waiting[fd].bytes, waiting[fd].length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n <= 0) return;
    waiting[fd].length -= n;
    memmove(waiting[fd].bytes, waiting[fd].bytes + n, waiting[fd].length);
  }
  watch(fd, EPOLLIN, EPOLL_CTL_MOD);
}

static void sendTo(int fd, const char *bytes, size_t length) {
  if (!waiting[fd].length) {
    ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n == (ssize_t)length) return;
    if (n < 0 && errno != EAGAIN) return;
    if (n > 0) bytes += n, length -= n;
    watch(fd, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
  }
  size_t needed = waiting[fd].length + length;
  if (needed > waiting[fd].capacity)
    waiting[fd].bytes = realloc(waiting[fd].bytes, waiting[fd].capacity = needed * 2);
  memcpy(waiting[fd].bytes + waiting[fd].length, bytes, length);
  waiting[fd].length = needed;
}

static void publish(int size) {
  static char frame[70000];
  int n = sprintf(frame, "data: {\"t\":%llu,\"p\":\"", (unsigned long long)now());
  while (n < size + 6 - 2) frame[n++] = 'x';
  memcpy(frame + n, "\"}\n\n", 4);
  for (int i = 0; i < readerCount; i++) sendTo(readers[i], frame, n + 4);
}

static void onReadable(int fd) {
  char request[16384];
  ssize_t n = read(fd, request, sizeof request);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) {
    if (waiting[fd].place) {
      int last = readers[--readerCount];
      readers[waiting[fd].place - 1] = last;
      waiting[last].place = waiting[fd].place;
    }
    waiting[fd].place = 0;
    waiting[fd].length = 0;
    close(fd);
    return;
  }
  static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                             "Cache-Control: no-cache\r\nConnection: close\r\n\r\n"
                             "event: hello\ndata: {}\n\n";
  sendTo(fd, head, sizeof head - 1);
  readers[readerCount++] = fd;
  waiting[fd].place = readerCount;
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  signal(SIGPIPE, SIG_IGN);
  setvbuf(stdout, NULL, _IOLBF, 0);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, (void *)&at, sizeof at) || listen(listener, 4096)) {
    perror("listen");
    return 1;
  }
  epoll = epoll_create1(0);
  watch(listener, EPOLLIN, EPOLL_CTL_ADD);
  fcntl(0, F_SETFL, O_NONBLOCK);
  watch(0, EPOLLIN, EPOLL_CTL_ADD);
  puts("{\"event\":\"ready\"}");

  static struct epoll_event events[512];
  static char line[4096];
  size_t length = 0;
  long left = 0, batch = 1, size = 200;
  uint64_t step = 0, next = 0;
  for (;;) {
    int wait = 1000;
    if (left > 0) wait = step == 0 || next <= now() ? 0 : (int)((next - now()) / 1000) + 1;
    int n = epoll_wait(epoll, events, 512, wait);
    for (int i = 0; i < n; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) {
        for (int k = 0; k < 256; k++) {
          int accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
          if (accepted < 0) break;
          setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
          watch(accepted, EPOLLIN, EPOLL_CTL_ADD);
        }
      } else if (fd == 0) {
        ssize_t r = read(0, line + length, sizeof line - 1 - length);
        if (r == 0) return 0;
        if (r < 0) continue;
        line[length += r] = 0;
        for (char *end; (end = strchr(line, '\n'));) {
          long hz;
          *end = 0;
          step = 0;
          if (sscanf(line, "burst %ld %ld %ld", &left, &batch, &size) != 3 &&
              sscanf(line, "rate %ld %ld %ld", &left, &hz, &size) == 3) {
            batch = 1;
            step = 1000000 / hz;
            next = now() + step;
          }
          length -= end + 1 - line;
          memmove(line, end + 1, length + 1);
        }
      } else {
        if (events[i].events & EPOLLOUT) sendWaiting(fd);
        if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) onReadable(fd);
      }
    }
    if (left > 0 && (step == 0 || now() >= next)) {
      for (long k = 0; k < batch && left > 0; k++, left--) publish((int)size);
      next += step;
    }
  }
}
