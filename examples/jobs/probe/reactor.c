// A library that is called: its constructors run first, then `run`, whose answer is the exit code.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int began;
static char *greeting;

__attribute__((constructor)) static void begin(void) {
  began++;
  greeting = strdup("begun");
}

__attribute__((export_name("run"))) int run(void) {
  const char *index = getenv("PEER_ARRAY_INDEX");
  printf("%s %d, index %s\n", greeting, began, index);
  began++;
  return index ? atoi(index) : -1;
}
