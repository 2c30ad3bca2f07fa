// A kernel is one function `run` that gives a checksum. Built for WebAssembly it is exported, and
// nothing is imported; built natively it prints the checksum and the processor time it took.
#ifdef __wasm__
#define KERNEL __attribute__((export_name("run"))) int run(void)
#else
#include <stdio.h>
#include <time.h>
int run(void);
int main(void) {
  clock_t begun = clock();
  unsigned sum = (unsigned)run();
  double seconds = (double)(clock() - begun) / CLOCKS_PER_SEC;
  printf("%08x %.6f\n", sum, seconds);
  return 0;
}
#define KERNEL int run(void)
#endif

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

// Folds the bits of a number into a checksum.
static inline u32 fold(u32 sum, double value) {
  union { double number; u64 bits; } both = {.number = value};
  return (sum ^ (u32)both.bits ^ (u32)(both.bits >> 32)) * 16777619u;
}
