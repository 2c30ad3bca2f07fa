/*
 * One task of the photo job: sharpens one tile of a picture.
 *
 *   PEER_ARRAY_INDEX   the tile's number, row by row, of 4 x 3
 *   /in/picture        a baseline JPEG
 *   /out/tile.ppm      the tile, sharpened
 *
 * Each sample moves away from the mean of the 5 x 5 samples around it by half of the difference
 * (unsharp masking); beyond the picture's edge its last sample goes on. Whole numbers only.
 */
#include "jpeg.h"
#include <stdio.h>
#include <stdlib.h>

enum { COLUMNS = 4, ROWS = 3, REACH = 2, AROUND = 25, INPUT_MAX = 4 << 20 };

static uint8_t input[INPUT_MAX];

static int clamp(int value, int most) { return value < 0 ? 0 : value > most ? most : value; }

static int sharpened(const struct picture *picture, int x, int y, int colour) {
  int sum = 0;
  for (int dy = -REACH; dy <= REACH; dy++)
    for (int dx = -REACH; dx <= REACH; dx++) {
      int column = clamp(x + dx, picture->width - 1), row = clamp(y + dy, picture->height - 1);
      sum += picture->rgb[(row * picture->width + column) * 3 + colour];
    }
  int here = picture->rgb[(y * picture->width + x) * 3 + colour];
  return clamp(here + (here * AROUND - sum) / (2 * AROUND), 255);
}

int main(void) {
  const char *index = getenv("PEER_ARRAY_INDEX");
  long tile = index ? strtol(index, NULL, 10) : 0;
  if (tile < 0 || tile >= COLUMNS * ROWS) {
    fprintf(stderr, "there are %d tiles, and %ld is none of them\n", COLUMNS * ROWS, tile);
    return 2;
  }
  FILE *file = fopen("/in/picture", "rb");
  long size = file ? (long)fread(input, 1, sizeof input, file) : 0;
  struct picture picture;
  const char *wrong = jpeg_read(input, size, &picture);
  if (wrong) {
    fprintf(stderr, "/in/picture: %s\n", wrong);
    return 2;
  }
  int column = (int)tile % COLUMNS, row = (int)tile / COLUMNS;
  int left = picture.width * column / COLUMNS, right = picture.width * (column + 1) / COLUMNS;
  int top = picture.height * row / ROWS, bottom = picture.height * (row + 1) / ROWS;
  FILE *out = fopen("/out/tile.ppm", "wb");
  if (!out) return 2;
  fprintf(out, "P6\n%d %d\n255\n", right - left, bottom - top);
  for (int y = top; y < bottom; y++)
    for (int x = left; x < right; x++)
      for (int colour = 0; colour < 3; colour++)
        fputc(sharpened(&picture, x, y, colour), out);
  return fclose(out) ? 2 : 0;
}
