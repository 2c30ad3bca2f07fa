// How a hot spot spreads over a metal plate, in steps: the state between two steps is all there
// is, so a run can be taken up, and judged, at any of them.
//
// Task i heats a spot in the i-th of 16 places. Every step is 50 sweeps over the plate; each tenth
// prints how warm the plate is on the whole and at its warmest. The last one draws /out/plate.pgm.
#include <stdio.h>
#include <stdlib.h>

enum { SIDE = 128, SWEEPS = 50, STEPS = 100 };

static double now[SIDE][SIDE], later[SIDE][SIDE];
static int taken;

__attribute__((export_name("init"))) void init(void) {
  const char *index = getenv("PEER_ARRAY_INDEX");
  int place = index == NULL ? 0 : atoi(index) % 16;
  int row = 16 + 32 * (place / 4), column = 16 + 32 * (place % 4);
  for (int y = -6; y <= 6; y++)
    for (int x = -6; x <= 6; x++)
      now[row + y][column + x] = 1000.0;
}

static void sweep(void) {
  for (int y = 1; y < SIDE - 1; y++)
    for (int x = 1; x < SIDE - 1; x++)
      later[y][x] = now[y][x] + 0.2 * (now[y - 1][x] + now[y + 1][x] + now[y][x - 1] +
                                       now[y][x + 1] - 4.0 * now[y][x]);
  for (int y = 1; y < SIDE - 1; y++)
    for (int x = 1; x < SIDE - 1; x++)
      now[y][x] = later[y][x];
}

static double warmest(double *all) {
  double most = 0;
  *all = 0;
  for (int y = 0; y < SIDE; y++)
    for (int x = 0; x < SIDE; x++) {
      *all += now[y][x];
      most = now[y][x] > most ? now[y][x] : most;
    }
  return most;
}

static int draw(double most) {
  FILE *picture = fopen("plate.pgm", "wb");
  if (picture == NULL) return -1;
  fprintf(picture, "P5\n%d %d\n255\n", SIDE, SIDE);
  for (int y = 0; y < SIDE; y++)
    for (int x = 0; x < SIDE; x++)
      fputc((int)(255.0 * now[y][x] / most), picture);
  return fclose(picture) == 0 ? 0 : -1;
}

// More than 0: there is another step. 0: done. Less than 0: failed, with this exit code.
__attribute__((export_name("step"))) int step(void) {
  for (int i = 0; i < SWEEPS; i++) sweep();
  taken++;
  if (taken % 10 == 0) {
    double all, most = warmest(&all);
    printf("%d\t%.6f\t%.6f\n", taken, all, most);
    fflush(stdout);
    if (taken == STEPS) return draw(most);
  }
  return 1;
}
