/*
 * A guest that behaves as its first argument says, so that tests and curious people can see what
 * becomes of a task that does so. Those that end badly say a word on stdout before: it is kept.
 *
 *   echo       arguments, PEER_* environment, stdin; copies /in/data to /out/copy if it is there
 *   exit N     ends with exit code N
 *   trap       reaches an `unreachable` instruction
 *   loop       never ends
 *   eat        takes and touches memory until it gets no more (then: exit 3)
 *   spin N     computes N rounds and prints what came out
 *   stderr     a line on stderr, and one on stdout
 *   recurse    calls itself without end
 *   flood      writes to stdout without end (exit 4 when it is refused)
 *   files N    writes N files /out/0000.txt, /out/0001.txt ...
 *
 * Exit 2: the arguments make no sense. Exit 5: a file could not be read or written.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAGE_BYTES = 65536, PAGES_AT_ONCE = 16, FILES_MAX = 9999 };

extern char **environ;

static void leave(int code) __attribute__((noreturn));
static void leave(int code) { _exit(code); }

/* Writes all of it, or leaves with `code`. */
static void put_bytes(int file, const char *bytes, size_t length, int code) {
  while (length > 0) {
    ssize_t put = write(file, bytes, length);
    if (put <= 0) leave(code);
    bytes += put;
    length -= (size_t)put;
  }
}

static void say(const char *text) { put_bytes(STDOUT_FILENO, text, strlen(text), 5); }

static void usage(void) __attribute__((noreturn));
static void usage(void) {
  static const char text[] =
      "probe: echo | exit N | trap | loop | eat | spin N | stderr | recurse | flood | files N\n";
  put_bytes(STDERR_FILENO, text, sizeof text - 1, 5);
  leave(2);
}

/* A decimal number from 0 to `max`. */
static uint64_t number(const char *text, uint64_t max) {
  if (text == NULL || *text == '\0') usage();
  uint64_t n = 0;
  for (; *text != '\0'; text++) {
    if (*text < '0' || *text > '9') usage();
    uint64_t digit = (uint64_t)(*text - '0');
    if (n > (max - digit) / 10) usage();
    n = 10 * n + digit;
  }
  return n;
}

static void copy(int from, int to) {
  static char buffer[8192];
  ssize_t got;
  while ((got = read(from, buffer, sizeof buffer)) > 0) put_bytes(to, buffer, (size_t)got, 5);
  if (got < 0) leave(5);
}

static void echo(int count, char **arguments) {
  for (int i = 0; i < count; i++) {
    say("arg ");
    say(arguments[i]);
    say("\n");
  }
  for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
    if (strncmp(*entry, "PEER_", 5) != 0) continue;
    say("env ");
    say(*entry);
    say("\n");
  }
  copy(STDIN_FILENO, STDOUT_FILENO);
  int from = open("/in/data", O_RDONLY);
  if (from < 0) return;
  int to = open("/out/copy", O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (to < 0) leave(5);
  copy(from, to);
}

static void trap(void) {
  say("about to trap\n");
  __builtin_trap();
}

static void eat(void) {
  say("about to eat\n");
  for (;;) {
    size_t before = __builtin_wasm_memory_grow(0, PAGES_AT_ONCE);
    if (before == (size_t)-1) leave(3);
    for (size_t page = 0; page < PAGES_AT_ONCE; page++) {
      *(volatile char *)((before + page) * PAGE_BYTES) = 1;
    }
  }
}

static void loop(void) {
  say("about to loop\n");
  for (volatile uint32_t n = 0;; n++) {}
}

/* A chain of dependent steps (xorshift64), so that no compiler finds a shorter way. */
static void spin(uint64_t rounds) {
  uint64_t x = 0x9e3779b97f4a7c15u;
  for (uint64_t n = 0; n < rounds; n++) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
  }
  char line[17];
  for (int i = 0; i < 16; i++) line[i] = "0123456789abcdef"[(x >> (60 - 4 * i)) & 15];
  line[16] = '\n';
  put_bytes(STDOUT_FILENO, line, sizeof line, 5);
}

/* The address of each frame's `depth` is handed on, so no frame can be left out. */
static uint32_t recurse(volatile uint32_t *caller) {
  volatile uint32_t depth = *caller + 1;
  return recurse(&depth) + depth;
}

static void dive(void) {
  volatile uint32_t surface = 0;
  say("about to recurse\n");
  leave((int)recurse(&surface));
}

static void both_streams(void) {
  static const char line[] = "to stderr\n";
  put_bytes(STDERR_FILENO, line, sizeof line - 1, 5);
  say("to stdout\n");
}

static void flood(void) {
  static char line[1024];
  memset(line, 'x', sizeof line);
  line[sizeof line - 1] = '\n';
  for (;;) put_bytes(STDOUT_FILENO, line, sizeof line, 4);
}

static void files(int count) {
  char path[] = "/out/0000.txt";
  for (int i = 0; i < count; i++) {
    int rest = i;
    for (int digit = 8; digit >= 5; digit--, rest /= 10) path[digit] = (char)('0' + rest % 10);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (file < 0) leave(5);
    put_bytes(file, path, sizeof path - 1, 5);
    if (close(file) != 0) leave(5);
  }
}

int main(int count, char **arguments) {
  if (count < 2) usage();
  const char *what = arguments[1];
  const char *more = count > 2 ? arguments[2] : NULL;

  if (strcmp(what, "echo") == 0) echo(count - 2, arguments + 2);
  else if (strcmp(what, "exit") == 0) leave((int)number(more, 255));
  else if (strcmp(what, "trap") == 0) trap();
  else if (strcmp(what, "loop") == 0) loop();
  else if (strcmp(what, "eat") == 0) eat();
  else if (strcmp(what, "spin") == 0) spin(number(more, UINT64_MAX));
  else if (strcmp(what, "stderr") == 0) both_streams();
  else if (strcmp(what, "recurse") == 0) dive();
  else if (strcmp(what, "flood") == 0) flood();
  else if (strcmp(what, "files") == 0) files((int)number(more, FILES_MAX));
  else usage();
  return 0;
}
