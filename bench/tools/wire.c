/* The two ends of a measurement: a provider that streams, and a crowd that listens. One thread each, epoll.
 *
 *   wire upstream PORT
 *   wire load PORT CONNECTIONS REQUESTS RAMP_US MODEL KEY [PROMPT_BYTES]
 *
 * The provider reads what to do from the model's name, since every relay passes that on:
 * b_<events>_<microseconds between them>_<bytes of text in each>. Without a pause all events of an answer go out
 * in as few writes as the socket takes. Each event's text begins with the clock at which it was sent, so that
 * the listener knows how long it was on its way. The listener prints one JSON object.
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

enum { MAX_EVENTS = 1024, BUFFER = 1 << 16, LINE = 1 << 16 };

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void set_up_socket(int fd) {
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static void *must(void *memory) {
  if (!memory) die("memory");
  return memory;
}

/* ---------------------------------------------------------------- provider */

typedef struct Answer {
  int fd;
  char *in;
  size_t in_size, in_room;
  long events, sent, pause_us, text;
  uint64_t due;
  char *out;
  size_t out_size, out_at, out_room;
  int busy, want_write;
  struct Answer *next;
} Answer;

static Answer *first_due, *last_due; /* by time: within a run all pauses are the same */
static int poller;

static void arm(Answer *a, int write) {
  if (a->want_write == write) return;
  a->want_write = write;
  struct epoll_event e = {.events = EPOLLIN | (write ? EPOLLOUT : 0), .data.ptr = a};
  epoll_ctl(poller, EPOLL_CTL_MOD, a->fd, &e);
}

static void hang_up(Answer *a) {
  for (Answer **p = &first_due, *prev = NULL; *p; prev = *p, p = &(*p)->next)
    if (*p == a) {
      *p = a->next;
      if (last_due == a) last_due = prev;
      break;
    }
  close(a->fd);
  free(a->in);
  free(a->out);
  free(a);
}

static void put(Answer *a, const char *data, size_t size) {
  if (a->out_at == a->out_size) a->out_at = a->out_size = 0;
  if (a->out_size + size > a->out_room) {
    a->out_room = (a->out_size + size) * 2;
    a->out = must(realloc(a->out, a->out_room));
  }
  memcpy(a->out + a->out_size, data, size);
  a->out_size += size;
}

static void put_chunk(Answer *a, const char *data, size_t size) {
  char head[32];
  put(a, head, (size_t)sprintf(head, "%zx\r\n", size));
  put(a, data, size);
  put(a, "\r\n", 2);
}

static const char CHUNK[] =
    "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"
    "\"model\":\"bench\",\"choices\":[{\"index\":0,\"delta\":{%s},\"finish_reason\":%s}]}\n\n";

static void put_event(Answer *a) {
  static char text[1 << 16], line[1 << 17], delta[(1 << 16) + 64];
  if (!*text) memset(text, 'x', sizeof text - 1);
  int size;
  if (a->sent < a->events) {
    snprintf(delta, sizeof delta, "\"content\":\"%016llx%.*s\"", (unsigned long long)now_ns(),
             (int)(a->text > 16 ? a->text - 16 : 0), text);
    size = sprintf(line, CHUNK, delta, "null");
  } else {
    size = sprintf(line, CHUNK, "", "\"stop\"");
  }
  put_chunk(a, line, (size_t)size);
  if (a->sent == a->events) {
    put_chunk(a, "data: [DONE]\n\n", 14);
    put(a, "0\r\n\r\n", 5);
  }
  a->sent++;
}

static int flush_out(Answer *a) {
  while (a->out_at < a->out_size) {
    ssize_t n = send(a->fd, a->out + a->out_at, a->out_size - a->out_at, MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN) {
      arm(a, 1);
      return 1;
    }
    if (n <= 0) return 0;
    a->out_at += (size_t)n;
  }
  arm(a, 0);
  return 1;
}

static int go_on(Answer *a) {
  if (!a->pause_us) {
    while (a->sent <= a->events) {
      while (a->sent <= a->events && a->out_size - a->out_at < BUFFER) put_event(a);
      if (!flush_out(a)) return 0;
      if (a->out_at < a->out_size) return 1;
    }
    a->busy = 0;
    return 1;
  }
  put_event(a);
  if (a->sent > a->events) {
    a->busy = 0;
  } else {
    a->due += (uint64_t)a->pause_us * 1000;
    a->next = NULL;
    if (last_due) last_due->next = a; else first_due = a;
    last_due = a;
  }
  return flush_out(a);
}

static int begin(Answer *a, const char *model) {
  static const char HEAD[] =
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n";
  if (sscanf(model, "b_%ld_%ld_%ld", &a->events, &a->pause_us, &a->text) != 3) return 0;
  put(a, HEAD, sizeof HEAD - 1);
  char line[512];
  int size = sprintf(line, CHUNK, "\"role\":\"assistant\",\"content\":\"\"", "null");
  put_chunk(a, line, (size_t)size);
  a->sent = 0;
  a->busy = 1;
  a->due = now_ns();
  return go_on(a);
}

static int take_request(Answer *a) {
  for (;;) {
    if (a->in_room - a->in_size < BUFFER) a->in = must(realloc(a->in, a->in_room = a->in_size + 2 * BUFFER));
    ssize_t n = recv(a->fd, a->in + a->in_size, a->in_room - a->in_size - 1, 0);
    if (n < 0 && errno == EAGAIN) break;
    if (n <= 0) return 0;
    a->in_size += (size_t)n;
  }
  a->in[a->in_size] = 0;
  char *end = a->in_size ? strstr(a->in, "\r\n\r\n") : NULL;
  if (!end || a->busy) return 1;
  char *length = strcasestr(a->in, "content-length:");
  size_t body = length && length < end ? (size_t)atol(length + 15) : 0;
  size_t whole = (size_t)(end + 4 - a->in) + body;
  if (a->in_size < whole) return 1;
  char *model = strstr(end, "\"b_");
  int good = model && begin(a, model + 1);
  memmove(a->in, a->in + whole, a->in_size - whole);
  a->in_size -= whole;
  return good;
}

static int listen_on(int port) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, (struct sockaddr *)&to, sizeof to) || listen(fd, 8192)) die("listen");
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

static void upstream(int port) {
  int listener = listen_on(port);
  poller = epoll_create1(0);
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL}, found[MAX_EVENTS];
  epoll_ctl(poller, EPOLL_CTL_ADD, listener, &e);
  for (;;) {
    uint64_t t = now_ns();
    int wait = first_due ? (first_due->due <= t ? 0 : (int)((first_due->due - t) / 1000000)) : -1;
    int n = epoll_wait(poller, found, MAX_EVENTS, wait);
    for (int i = 0; i < n; i++) {
      Answer *a = found[i].data.ptr;
      if (!a) {
        for (int fd; (fd = accept(listener, NULL, NULL)) >= 0;) {
          set_up_socket(fd);
          Answer *made = must(calloc(1, sizeof *made));
          made->fd = fd;
          struct epoll_event w = {.events = EPOLLIN, .data.ptr = made};
          epoll_ctl(poller, EPOLL_CTL_ADD, fd, &w);
        }
        continue;
      }
      int good = 1;
      if (found[i].events & EPOLLOUT) good = flush_out(a) && (a->pause_us || !a->busy || a->want_write || go_on(a));
      if (good && found[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) good = take_request(a);
      if (!good) hang_up(a);
    }
    t = now_ns();
    while (first_due && first_due->due <= t) {
      Answer *a = first_due;
      if (!(first_due = a->next)) last_due = NULL;
      if (!go_on(a)) hang_up(a);
    }
  }
}

/* ---------------------------------------------------------------- crowd */

typedef struct {
  int fd, state; /* state: 0 head, 1 chunk size, 2 chunk data, 3 after a chunk, 4 body until the end, 5 idle */
  long left, status;
  size_t line_size, text_size; /* a line of the framing; one of the body, which chunks may cut */
  char *line, *text;
  uint64_t asked;
  long events;
  int done;
} Listener;

static double *delays, *firsts;
static size_t delay_count, delay_room, first_count;
static long whole, broken, events_seen, bytes_seen, asked_count;

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void note_delay(double ms) {
  if (delay_count == delay_room) delays = must(realloc(delays, (delay_room = delay_room * 2 + 4096) * sizeof *delays));
  delays[delay_count++] = ms;
}

static void take_line(Listener *l) {
  char *text = l->text;
  text[l->text_size] = 0;
  if (!strncmp(text, "data: [DONE]", 12)) l->done = 1;
  char *content = strncmp(text, "data: ", 6) ? NULL : strstr(text, "\"content\":");
  if (content) content = strchr(content + 10, '"');
  unsigned long long sent;
  if (content && sscanf(content + 1, "%16llx", &sent) == 1 && sent > 1000000) {
    uint64_t t = now_ns();
    if (!l->events++) firsts[first_count++] = (double)(t - l->asked) / 1e6;
    note_delay((double)(t - sent) / 1e6);
    events_seen++;
  }
  l->text_size = 0;
}

static void take_bytes(Listener *l, const char *data, size_t size) {
  bytes_seen += (long)size;
  while (size) {
    const char *end = memchr(data, '\n', size);
    size_t n = end ? (size_t)(end - data) : size;
    if (l->text_size + n < LINE) memcpy(l->text + l->text_size, data, n), l->text_size += n;
    if (!end) return;
    take_line(l);
    data = end + 1;
    size -= n + 1;
  }
}

/* 1: the answer is over, 0: more is to come, -1: it is no HTTP. */
static int take(Listener *l, const char *data, size_t size) {
  while (size) {
    if (l->state == 2) {
      size_t n = (size_t)l->left < size ? (size_t)l->left : size;
      take_bytes(l, data, n);
      data += n, size -= n;
      if (!(l->left -= (long)n)) l->state = 3;
      continue;
    }
    if (l->state == 4) {
      take_bytes(l, data, size);
      return 0;
    }
    const char *end = memchr(data, '\n', size);
    size_t n = end ? (size_t)(end - data) : size;
    if (l->line_size + n >= LINE) return -1;
    memcpy(l->line + l->line_size, data, n);
    l->line_size += n;
    if (!end) return 0;
    l->line[l->line_size] = 0;
    size_t line = l->line_size;
    data = end + 1, size -= n + 1;
    l->line_size = 0;
    if (l->state == 0) {
      if (!strncmp(l->line, "HTTP/1.", 7)) l->status = atol(l->line + 9), l->left = -1;
      if (!strncasecmp(l->line, "transfer-encoding: chunked", 26)) l->left = -2;
      if (line <= 1) {
        if (l->status != 200) return -1;
        l->state = l->left == -2 ? 1 : 4;
      }
    } else if (l->state == 1) {
      l->left = strtol(l->line, NULL, 16);
      l->state = l->left ? 2 : 6;
    } else if (l->state == 3) {
      l->state = 1;
    } else if (l->state == 6 && line <= 1) {
      return 1;
    }
  }
  return 0;
}

static char *request;
static size_t request_size;
static struct sockaddr_in target;

static void connect_to(Listener *l) {
  l->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(l->fd, (struct sockaddr *)&target, sizeof target)) die("connect");
  set_up_socket(l->fd);
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = l};
  epoll_ctl(poller, EPOLL_CTL_ADD, l->fd, &e);
}

static void ask(Listener *l) {
  l->state = 0, l->line_size = l->text_size = 0, l->events = 0, l->done = 0, l->status = 0;
  l->asked = now_ns();
  asked_count++;
  for (size_t at = 0; at < request_size;) {
    ssize_t n = send(l->fd, request + at, request_size - at, MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN) continue;
    if (n < 0) return;
    at += (size_t)n;
  }
}

static double at(double *sorted, size_t count, double share) {
  return count ? sorted[(size_t)(share * (double)(count - 1))] : 0;
}

static void load(int port, int connections, long requests, long ramp_us, const char *model, const char *key, long prompt) {
  char *body = must(malloc((size_t)prompt + 512)), *text = must(malloc((size_t)prompt + 1));
  memset(text, 'p', (size_t)prompt);
  text[prompt] = 0;
  int body_size = sprintf(body, "{\"model\":\"%s\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]}", model, text);
  request = must(malloc((size_t)body_size + strlen(key) + 512));
  request_size = (size_t)sprintf(request,
      "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
      "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", key, body_size, body);
  target.sin_family = AF_INET, target.sin_port = htons((uint16_t)port);
  target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  Listener *all = must(calloc((size_t)connections, sizeof *all));
  firsts = must(malloc((size_t)(requests + connections) * sizeof *firsts));
  poller = epoll_create1(0);
  static char buffer[1 << 18];
  uint64_t begin = now_ns(), next = begin;
  int open = 0;
  struct epoll_event found[MAX_EVENTS];
  while (whole + broken < requests) {
    while (open < connections && now_ns() >= next && asked_count < requests) {
      Listener *l = &all[open++];
      l->line = must(malloc(LINE + 1));
      l->text = must(malloc(LINE + 1));
      connect_to(l);
      ask(l);
      next += (uint64_t)ramp_us * 1000;
    }
    int n = epoll_wait(poller, found, MAX_EVENTS, open < connections ? 1 : 1000);
    for (int i = 0; i < n; i++) {
      Listener *l = found[i].data.ptr;
      ssize_t got = recv(l->fd, buffer, sizeof buffer, 0);
      if (got < 0 && errno == EAGAIN) continue;
      int end = got > 0 ? take(l, buffer, (size_t)got) : (l->state == 4 ? 1 : -1);
      if (!end) continue;
      if (l->state == 5) continue;
      if (end > 0 && l->done) whole++; else broken++;
      int again = asked_count < requests;
      if (end < 0 || l->state == 4) {
        close(l->fd);
        if (again) connect_to(l);
      }
      l->state = 5;
      if (again) ask(l);
    }
    if (now_ns() - begin > 600000000000ull) break;
  }
  double seconds = (double)(now_ns() - begin) / 1e9;
  qsort(delays, delay_count, sizeof *delays, compare);
  qsort(firsts, first_count, sizeof *firsts, compare);
  struct rusage use;
  getrusage(RUSAGE_SELF, &use);
  printf("{\"whole\": %ld, \"broken\": %ld, \"events\": %ld, \"bytes\": %ld, \"seconds\": %.4f, "
         "\"first_p50\": %.4f, \"first_p99\": %.4f, \"delay_p50\": %.4f, \"delay_p99\": %.4f, \"delay_max\": %.4f, "
         "\"own_cpu\": %.4f}\n",
         whole, broken + (requests - whole - broken), events_seen, bytes_seen, seconds, at(firsts, first_count, .5),
         at(firsts, first_count, .99), at(delays, delay_count, .5), at(delays, delay_count, .99),
         at(delays, delay_count, 1),
         (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) + (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6);
}

int main(int count, char **words) {
  signal(SIGPIPE, SIG_IGN);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  if (count == 3 && !strcmp(words[1], "upstream")) upstream(atoi(words[2]));
  if (count >= 8 && !strcmp(words[1], "load"))
    load(atoi(words[2]), atoi(words[3]), atol(words[4]), atol(words[5]), words[6], words[7], count > 8 ? atol(words[8]) : 5);
  else
    fprintf(stderr, "usage: see the top of wire.c\n");
  return 0;
}
