// The Mandelbrot set on 1 000 x 1 000 points, at most 100 turns each.
#include "kernel.h"
#define SIZE 1000
#define TURNS 100

KERNEL {
  u32 sum = 2166136261u;
  for (int py = 0; py < SIZE; py++)
    for (int px = 0; px < SIZE; px++) {
      double cx = -2.0 + 3.0 * px / SIZE, cy = -1.5 + 3.0 * py / SIZE, x = 0, y = 0;
      int turn = 0;
      while (turn < TURNS && x * x + y * y <= 4.0) {
        double next = x * x - y * y + cx;
        y = 2 * x * y + cy;
        x = next;
        turn++;
      }
      sum = (sum ^ (u32)turn) * 16777619u;
    }
  return (int)sum;
}
