/* Reads a baseline JPEG without subsampling, in whole numbers (ITU-T T.81, JFIF 1.02). */
#pragma once
#include <stdint.h>

enum { WIDTH_MAX = 4096, HEIGHT_MAX = 4096 };

struct picture {
  int width, height;
  uint8_t *rgb; /* width * height pixels of three bytes, row by row */
};

/* Decodes `size` bytes. Returns NULL and fills `picture`, or what is wrong with them. */
const char *jpeg_read(const uint8_t *bytes, long size, struct picture *picture);
