// The product of two matrices of 512 x 512 doubles, row by row.
#include "kernel.h"
#define N 512
static double a[N][N], b[N][N], c[N][N];

KERNEL {
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      a[i][j] = (double)((i * 7 + j * 3) % 101) / 101.0;
      b[i][j] = (double)((i * 5 + j * 11) % 97) / 97.0;
    }
  for (int i = 0; i < N; i++)
    for (int k = 0; k < N; k++) {
      double x = a[i][k];
      for (int j = 0; j < N; j++) c[i][j] += x * b[k][j];
    }
  u32 sum = 2166136261u;
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) sum = fold(sum, c[i][j]);
  return (int)sum;
}
