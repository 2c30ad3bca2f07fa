// Four million numbers sorted in place.
#include "kernel.h"
#define COUNT (4 << 20)
static u32 all[COUNT];

static void sort(u32 *first, u32 *last) {
  while (first < last) {
    u32 middle = first[(last - first) / 2], *i = first, *j = last;
    while (i <= j) {
      while (*i < middle) i++;
      while (*j > middle) j--;
      if (i <= j) {
        u32 kept = *i;
        *i++ = *j;
        *j-- = kept;
      }
    }
    if (j - first < last - i) {
      sort(first, j);
      first = i;
    } else {
      sort(i, last);
      last = j;
    }
  }
}

KERNEL {
  u32 seed = 12345;
  for (int i = 0; i < COUNT; i++) {
    seed ^= seed << 13, seed ^= seed >> 17, seed ^= seed << 5;
    all[i] = seed;
  }
  sort(all, all + COUNT - 1);
  u32 sum = 2166136261u;
  for (int i = 0; i < COUNT; i += 997) sum = (sum ^ all[i]) * 16777619u;
  return (int)sum;
}
