// The same as `matmul`, built with vectors of two doubles.
#include "matmul.c"
