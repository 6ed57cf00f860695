/*
 * A load generator for event streams: one thread, epoll, no allocation after start.
 *
 * Opens COUNT connections to 127.0.0.1, reads everything, and looks for stamps: `"t":<µs>` in the
 * data, the publisher's CLOCK_MONOTONIC. From these it counts deliveries, loss, doubles, order and
 * latency, per connection.
 *
 *   loadgen --port P --count N --path "/sse?channel=c/%d" [--channels K] [--per-reader R]
 *           [--header "Name: value"] [--batch B] [--stalled S] [--expect M] [--timeout SECONDS]
 *           [--address A]
 *
 * In the path, `%d` stands for the connection's number modulo K; with --per-reader R it is followed
 * by R - 1 more `&channel=` of the next numbers. The first S connections never read.
 * Connections come from 127.0.0.A (2) and, after 20,000 each, the addresses after it: generators that run at
 * the same time need addresses of their own, because one has about 28,000 ports.
 * With --expect M the clock runs from the first connect, until every connection has M messages.
 *
 * Prints {"event":"open",…} once all are connected. Then reads commands from standard input:
 *   expect M SECONDS   resets the counters; prints {"event":"armed"}; then {"event":"result",…}
 *                      when every connection has had M stamped messages, or the time is over
 *   quit
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
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

enum phase { CONNECTING, WAITING, READING, CLOSED };

typedef struct {
  int fd;
  uint8_t phase;
  uint8_t matched; /* how much of `"t":` the last bytes were */
  uint8_t digits;
  uint64_t stamp;  /* the number being read, or the last one */
  uint64_t newest;
  uint32_t messages;
} connection;

/* Latencies in µs: 64 buckets for each power of two, which is exact to 1.6 %. */
#define STEPS 64
#define BUCKETS (42 * STEPS)
static uint64_t histogram[BUCKETS], samples, worst;

static connection *all;
static int count = 100, port, channels = 1, perReader = 1, batch = 100, stalled, address = 2, epoll;
static const char *path = "/sse", *header = "";
static int answered, refused, closed, complete;
static uint64_t target, total, bytes, reads, disorder, extra, firstStamp, lastArrival;
static char buffer[1 << 18];

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static double cpuSeconds(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void record(uint64_t us) {
  int bucket = (int)us;
  if (us >= STEPS) {
    int power = 63 - __builtin_clzll(us);
    bucket = (power - 5) * STEPS + (int)((us >> (power - 6)) & (STEPS - 1));
  }
  histogram[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
  samples++;
  if (us > worst) worst = us;
}

static double quantileMs(double share) {
  uint64_t wanted = (uint64_t)(share * samples + 0.5), seen = 0;
  for (int b = 0; b < BUCKETS; b++) {
    seen += histogram[b];
    if (seen < wanted || seen == 0) continue;
    if (b < STEPS) return b / 1e3;
    return (double)((uint64_t)(STEPS + b % STEPS) << (b / STEPS - 1)) / 1e3;
  }
  return 0;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void watch(int fd, uint32_t id, uint32_t events, int op) {
  struct epoll_event e = {.events = events, .data.u32 = id};
  if (epoll_ctl(epoll, op, fd, &e)) fail("epoll_ctl");
}

static int openSocket(int id) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, small = 4096;
  if (fd < 0) fail("socket");
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  /* A port is chosen at connect, so that one address has room for 28,000 of them. */
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  if (id < stalled) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
  from.sin_addr.s_addr = htonl(0x7f000000 + address + id / 20000);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(port);
  if (bind(fd, (void *)&from, sizeof from)) fail("bind");
  if (connect(fd, (void *)&to, sizeof to) && errno != EINPROGRESS) fail("connect");
  return fd;
}

static void sendRequest(connection *c, int id) {
  char request[16384];
  int n = snprintf(request, sizeof request, "GET ");
  n += snprintf(request + n, sizeof request - n, path, id % channels);
  for (int k = 1; k < perReader; k++)
    n += snprintf(request + n, sizeof request - n, "&channel=c/%d", (id + k) % channels);
  n += snprintf(request + n, sizeof request - n,
                " HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: text/event-stream\r\n%s%s\r\n", port,
                header, *header ? "\r\n" : "");
  if (write(c->fd, request, n) != n) fail("write");
}

static void leave(connection *c) {
  close(c->fd);
  if (c->phase != READING) answered++;
  c->phase = CLOSED;
  closed++;
}

static void count_(connection *c, uint64_t arrival) {
  uint64_t stamp = c->stamp;
  if (stamp < c->newest) disorder++;
  c->newest = stamp;
  if (!firstStamp || stamp < firstStamp) firstStamp = stamp;
  record(arrival > stamp ? arrival - stamp : 0);
  total++;
  lastArrival = arrival;
  c->messages++;
  if (c->messages == target) complete++;
  else if (target && c->messages > target) extra++;
}

static void scan(connection *c, const char *p, const char *end, uint64_t arrival) {
  while (p < end) {
    switch (c->matched) {
    case 0:
      p = memchr(p, '"', end - p);
      if (!p) return;
      c->matched = 1;
      p++;
      break;
    case 1:
      c->matched = *p == 't' ? 2 : *p == '"';
      p++;
      break;
    case 2:
      c->matched = *p == '"' ? 3 : 0;
      p++;
      break;
    case 3:
      c->matched = *p == ':' ? 4 : *p == '"';
      c->stamp = c->digits = 0;
      p++;
      break;
    default:
      if (*p >= '0' && *p <= '9') {
        c->stamp = c->stamp * 10 + (*p - '0');
        c->digits++;
        p++;
      } else {
        c->matched = 0;
        if (c->digits >= 6) count_(c, arrival);
      }
    }
  }
}

static void onEvent(uint32_t id) {
  connection *c = &all[id];
  if (c->phase == CLOSED) return;
  if (c->phase == CONNECTING) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) {
      fprintf(stderr, "connect: %s\n", strerror(error));
      leave(c);
      return;
    }
    sendRequest(c, id);
    c->phase = WAITING;
    watch(c->fd, id, EPOLLIN, EPOLL_CTL_MOD);
    return;
  }
  ssize_t n = read(c->fd, buffer, sizeof buffer);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) {
    leave(c);
    return;
  }
  if (c->phase == WAITING) {
    c->phase = READING;
    answered++;
    if (n > 12 && memcmp(buffer + 9, "200", 3) && refused++ < 2)
      fprintf(stderr, "%.*s\n", (int)(n < 400 ? n : 400), buffer);
    /* The response was the last thing that it reads. */
    if ((int)id < stalled) watch(c->fd, id, 0, EPOLL_CTL_MOD);
  }
  bytes += n;
  reads++;
  scan(c, buffer, buffer + n, now());
}

static void reset(uint64_t messages) {
  target = messages;
  total = bytes = reads = disorder = extra = firstStamp = lastArrival = samples = worst = 0;
  complete = 0;
  memset(histogram, 0, sizeof histogram);
  for (int i = 0; i < count; i++) all[i].messages = all[i].newest = 0;
}

static void report(uint64_t since, double cpu) {
  uint32_t least = ~0u, most = 0;
  for (int i = stalled; i < count; i++) {
    if (all[i].messages < least) least = all[i].messages;
    if (all[i].messages > most) most = all[i].messages;
  }
  double wall = (now() - since) / 1e6;
  double span = lastArrival > firstStamp ? (lastArrival - firstStamp) / 1e6 : 0;
  long long expected = (long long)target * (count - stalled);
  printf("{\"event\":\"result\",\"deliveries\":%llu,\"lost\":%lld,\"extra\":%llu,\"disorder\":%llu,"
         "\"least\":%u,\"most\":%u,\"closed\":%d,\"bytes\":%llu,\"reads\":%llu,\"seconds\":%.6f,"
         "\"wallSeconds\":%.6f,\"p50Ms\":%.3f,\"p99Ms\":%.3f,\"p999Ms\":%.3f,\"maxMs\":%.3f,"
         "\"cpuSeconds\":%.3f}\n",
         (unsigned long long)total, expected - (long long)(total - extra),
         (unsigned long long)extra, (unsigned long long)disorder, least, most, closed,
         (unsigned long long)bytes, (unsigned long long)reads, span, wall, quantileMs(.5),
         quantileMs(.99), quantileMs(.999), worst / 1e3, cpuSeconds() - cpu);
}

static void readOptions(int argc, char **argv, uint64_t *expect, double *timeout) {
  static struct option names[] = {{"port", 1, 0, 'p'},     {"count", 1, 0, 'n'},
                                  {"path", 1, 0, 'u'},     {"channels", 1, 0, 'k'},
                                  {"per-reader", 1, 0, 'r'}, {"header", 1, 0, 'h'},
                                  {"batch", 1, 0, 'b'},    {"stalled", 1, 0, 's'},
                                  {"expect", 1, 0, 'm'},   {"timeout", 1, 0, 't'},
                                  {"address", 1, 0, 'a'},
                                  {0, 0, 0, 0}};
  for (int o; (o = getopt_long(argc, argv, "", names, NULL)) != -1;) switch (o) {
      case 'p': port = atoi(optarg); break;
      case 'n': count = atoi(optarg); break;
      case 'u': path = optarg; break;
      case 'k': channels = atoi(optarg); break;
      case 'r': perReader = atoi(optarg); break;
      case 'h': header = optarg; break;
      case 'b': batch = atoi(optarg); break;
      case 's': stalled = atoi(optarg); break;
      case 'a': address = atoi(optarg); break;
      case 'm': *expect = strtoull(optarg, NULL, 10); break;
      case 't': *timeout = atof(optarg); break;
      default: exit(2);
    }
}

#define STDIN_ID 0xffffffff

int main(int argc, char **argv) {
  uint64_t expect = 0;
  double timeout = 120;
  readOptions(argc, argv, &expect, &timeout);
  signal(SIGPIPE, SIG_IGN);
  setvbuf(stdout, NULL, _IOLBF, 0);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  all = calloc(count, sizeof *all);
  epoll = epoll_create1(0);
  reset(expect);

  static struct epoll_event events[1024];
  uint64_t started = now(), deadline = started + (uint64_t)(timeout * 1e6);
  double cpu = cpuSeconds();
  int opened = 0;
  while (answered < count && now() < deadline) {
    for (; opened < count && opened - answered < batch; opened++) {
      all[opened].fd = openSocket(opened);
      watch(all[opened].fd, opened, EPOLLOUT, EPOLL_CTL_ADD);
    }
    int n = epoll_wait(epoll, events, 1024, 100);
    for (int i = 0; i < n; i++) onEvent(events[i].data.u32);
  }
  printf("{\"event\":\"open\",\"answered\":%d,\"refused\":%d,\"closed\":%d,\"seconds\":%.6f,"
         "\"cpuSeconds\":%.3f}\n",
         answered, refused, closed, (now() - started) / 1e6, cpuSeconds() - cpu);

  fcntl(0, F_SETFL, O_NONBLOCK);
  watch(0, STDIN_ID, EPOLLIN, EPOLL_CTL_ADD);
  static char line[4096];
  size_t length = 0;
  int running = expect > 0;
  for (;;) {
    if (running && (complete >= count - stalled - closed || now() > deadline)) {
      running = 0;
      report(started, cpu);
    }
    int n = epoll_wait(epoll, events, 1024, running ? 50 : 1000);
    for (int i = 0; i < n; i++) {
      if (events[i].data.u32 != STDIN_ID) {
        onEvent(events[i].data.u32);
        continue;
      }
      ssize_t r = read(0, line + length, sizeof line - 1 - length);
      if (r == 0) return 0;
      if (r < 0) continue;
      length += r;
      line[length] = 0;
      for (char *end; (end = strchr(line, '\n'));) {
        unsigned long long messages;
        double seconds;
        *end = 0;
        if (!strcmp(line, "quit")) return 0;
        if (sscanf(line, "expect %llu %lf", &messages, &seconds) == 2) {
          reset(messages);
          started = now();
          deadline = started + (uint64_t)(seconds * 1e6);
          cpu = cpuSeconds();
          running = 1;
          puts("{\"event\":\"armed\"}");
        }
        length -= end + 1 - line;
        memmove(line, end + 1, length + 1);
      }
    }
  }
}
