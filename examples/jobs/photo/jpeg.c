/* See jpeg.h. Every read of the bytes is bounded; past their end there are zeros. */
#include "jpeg.h"
#include <stdlib.h>

enum { PARTS = 3, BLOCK = 64 };

/* A Huffman table: codes of each length are consecutive, so counts and symbols say all. */
struct codes {
  uint8_t count[17], symbol[256];
};

static const uint8_t *at, *end;
static uint16_t quantum[4][BLOCK];
static struct codes dc[4], ac[4];
static struct { uint8_t id, quantum, dc, ac; } part[PARTS];
static uint32_t bits;
static int bits_left;

static const uint8_t zigzag[BLOCK] = {
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48,
    41, 34, 27, 20, 13, 6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23,
    30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

/* cos((2x + 1) u pi / 16) * c(u) / 2 * 4096, with c(0) = 1 / sqrt 2. */
static const int16_t wave[8][8] = {
    {1448, 1448, 1448, 1448, 1448, 1448, 1448, 1448},
    {2009, 1703, 1138, 400, -400, -1138, -1703, -2009},
    {1892, 784, -784, -1892, -1892, -784, 784, 1892},
    {1703, -400, -2009, -1138, 1138, 2009, 400, -1703},
    {1448, -1448, -1448, 1448, 1448, -1448, -1448, 1448},
    {1138, -2009, 400, 1703, -1703, -400, 2009, -1138},
    {784, -1892, 1892, -784, -784, 1892, -1892, 784},
    {400, -1138, 1703, -2009, 2009, -1703, 1138, -400}};

static int byte(void) { return at < end ? *at++ : 0; }

static int word(void) {
  int high = byte();
  return high << 8 | byte();
}

static int bit(void) {
  if (bits_left == 0) {
    bits = (uint32_t)byte();
    if (bits == 0xff) at += at < end; /* the zero that is stuffed after it */
    bits_left = 8;
  }
  return bits >> --bits_left & 1;
}

static int number(int length) {
  int value = 0;
  for (int i = 0; i < length; i++) value = value << 1 | bit();
  /* A leading zero bit stands for a negative number. */
  return length > 0 && value < 1 << (length - 1) ? value - (1 << length) + 1 : value;
}

static int symbol(const struct codes *codes) {
  int code = 0, first = 0, before = 0;
  for (int length = 1; length <= 16; length++) {
    code = code << 1 | bit();
    if (code - first < codes->count[length]) return codes->symbol[(before + code - first) & 255];
    before += codes->count[length];
    first = (first + codes->count[length]) << 1;
  }
  return 0;
}

static void read_codes(void) {
  int which = byte();
  struct codes *codes = (which >> 4 ? ac : dc) + (which & 3);
  int all = 0;
  for (int length = 1; length <= 16; length++) all += codes->count[length] = (uint8_t)byte();
  for (int i = 0; i < all; i++) codes->symbol[i & 255] = (uint8_t)byte();
}

static void read_quanta(void) {
  int which = byte();
  for (int i = 0; i < BLOCK; i++)
    quantum[which & 3][zigzag[i]] = (uint16_t)(which >> 4 ? word() : byte());
}

static void read_block(int which, int *before, int32_t *block) {
  for (int i = 0; i < BLOCK; i++) block[i] = 0;
  const uint16_t *times = quantum[part[which].quantum];
  *before += number(symbol(&dc[part[which].dc]) & 15);
  block[0] = *before * times[0];
  for (int i = 1; i < BLOCK; i++) {
    int run = symbol(&ac[part[which].ac]);
    if (run == 0) break;
    i += run >> 4;
    int value = number(run & 15);
    if (i < BLOCK) block[zigzag[i]] = value * times[zigzag[i]];
  }
}

/* The inverse cosine transform, rows first; what it gives is around zero. */
static void untransform(const int32_t *block, int32_t *samples) {
  int32_t rows[BLOCK];
  for (int y = 0; y < 8; y++)
    for (int x = 0; x < 8; x++) {
      int64_t sum = 0;
      for (int u = 0; u < 8; u++) sum += (int64_t)block[y * 8 + u] * wave[u][x];
      rows[y * 8 + x] = (int32_t)((sum + (1 << 7)) >> 8); /* four bits are kept */
    }
  for (int x = 0; x < 8; x++)
    for (int y = 0; y < 8; y++) {
      int64_t sum = 0;
      for (int v = 0; v < 8; v++) sum += (int64_t)rows[v * 8 + x] * wave[v][y];
      samples[y * 8 + x] = (int32_t)((sum + (1 << 15)) >> 16);
    }
}

static uint8_t within(int32_t value) {
  return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static void put_pixel(uint8_t *rgb, int32_t y, int32_t cb, int32_t cr) {
  y = (y + 128) << 16;
  rgb[0] = within((y + 91881 * cr + 32768) >> 16);
  rgb[1] = within((y - 22554 * cb - 46802 * cr + 32768) >> 16);
  rgb[2] = within((y + 116130 * cb + 32768) >> 16);
}

static const char *read_frame(struct picture *picture) {
  if (byte() != 8) return "its samples are not bytes";
  picture->height = word();
  picture->width = word();
  if (picture->width < 1 || picture->width > WIDTH_MAX) return "it is empty or too wide";
  if (picture->height < 1 || picture->height > HEIGHT_MAX) return "it is empty or too high";
  if (byte() != PARTS) return "it has not three colours";
  for (int i = 0; i < PARTS; i++) {
    part[i].id = (uint8_t)byte();
    if (byte() != 0x11) return "its colours are subsampled";
    part[i].quantum = (uint8_t)byte() & 3;
  }
  picture->rgb = malloc((size_t)picture->width * (size_t)picture->height * 3);
  return picture->rgb ? NULL : "there is no memory for it";
}

static void read_scan(const struct picture *picture) {
  for (int n = byte(); n > 0; n--) {
    int id = byte(), tables = byte();
    for (int i = 0; i < PARTS; i++)
      if (part[i].id == id) part[i].dc = tables >> 4 & 3, part[i].ac = tables & 3;
  }
  at += end - at < 3 ? end - at : 3;
  int before[PARTS] = {0};
  int32_t block[BLOCK], samples[PARTS][BLOCK];
  for (int top = 0; top < picture->height; top += 8)
    for (int left = 0; left < picture->width; left += 8) {
      for (int i = 0; i < PARTS; i++) {
        read_block(i, &before[i], block);
        untransform(block, samples[i]);
      }
      for (int i = 0; i < BLOCK; i++) {
        int x = left + i % 8, y = top + i / 8;
        if (x < picture->width && y < picture->height)
          put_pixel(picture->rgb + (y * picture->width + x) * 3, samples[0][i], samples[1][i],
                    samples[2][i]);
      }
    }
}

const char *jpeg_read(const uint8_t *bytes, long size, struct picture *picture) {
  at = bytes, end = bytes + size;
  picture->rgb = NULL;
  if (word() != 0xffd8) return "it is no JPEG";
  while (at < end) {
    int marker = word();
    const uint8_t *start = at;
    long length = word();
    const uint8_t *next = end - start < length ? end : start + length;
    if (marker < 0xff01 || length < 2) return "a segment of it is broken";
    const char *wrong = NULL;
    switch (marker) {
    case 0xffc0: wrong = read_frame(picture); break;
    case 0xffc4: while (at < next) read_codes(); break;
    case 0xffdb: while (at < next) read_quanta(); break;
    case 0xffdd: wrong = word() ? "it has restarts" : NULL; break;
    case 0xffc1: case 0xffc2: case 0xffc3: wrong = "it is not baseline"; break;
    case 0xffda:
      if (!picture->rgb) return "its frame is missing";
      read_scan(picture);
      return NULL;
    default: break;
    }
    if (wrong) return wrong;
    at = next;
  }
  return "its picture is missing";
}
