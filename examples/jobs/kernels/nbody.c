// 64 bodies that pull one another, 2 000 steps.
#include "kernel.h"
#define BODIES 64
#define STEPS 2000
struct body { double x, y, z, vx, vy, vz, mass; };
static struct body all[BODIES];

KERNEL {
  for (int i = 0; i < BODIES; i++)
    all[i] = (struct body){i % 4, i / 4 % 4, i / 16, 0.001 * i, 0.0, -0.001 * i, 0.01 + i * 0.001};
  for (int step = 0; step < STEPS; step++) {
    for (int i = 0; i < BODIES; i++)
      for (int j = i + 1; j < BODIES; j++) {
        double dx = all[i].x - all[j].x, dy = all[i].y - all[j].y, dz = all[i].z - all[j].z;
        double square = dx * dx + dy * dy + dz * dz + 0.01;
        double pull = 0.001 / (square * __builtin_sqrt(square));
        all[i].vx -= dx * all[j].mass * pull;
        all[i].vy -= dy * all[j].mass * pull;
        all[i].vz -= dz * all[j].mass * pull;
        all[j].vx += dx * all[i].mass * pull;
        all[j].vy += dy * all[i].mass * pull;
        all[j].vz += dz * all[i].mass * pull;
      }
    for (int i = 0; i < BODIES; i++) {
      all[i].x += 0.001 * all[i].vx;
      all[i].y += 0.001 * all[i].vy;
      all[i].z += 0.001 * all[i].vz;
    }
  }
  u32 sum = 2166136261u;
  for (int i = 0; i < BODIES; i++) sum = fold(fold(fold(sum, all[i].x), all[i].y), all[i].z);
  return (int)sum;
}
