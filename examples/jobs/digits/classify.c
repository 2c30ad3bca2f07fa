/* Says which digits a hundred small images show: two layers, in whole numbers only. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { IMAGES = 1797, EACH = 100, PIXELS = 64, HIDDEN = 32, DIGITS = 10, SHIFT = 8 };

/* As train.py writes them. */
static struct {
  int32_t hidden[HIDDEN][PIXELS], hidden_bias[HIDDEN];
  int32_t output[DIGITS][HIDDEN], output_bias[DIGITS];
} weights;
static uint8_t pixels[IMAGES][PIXELS], labels[IMAGES];

static void read_whole(const char *path, void *into, size_t size) {
  FILE *file = fopen(path, "rb");
  if (!file || fread(into, 1, size, file) != size) {
    fprintf(stderr, "%s: it has to have %zu bytes at least\n", path, size);
    exit(2);
  }
  fclose(file);
}

static int digit_in(const uint8_t *image) {
  int32_t hidden[HIDDEN];
  for (int i = 0; i < HIDDEN; i++) {
    int32_t sum = weights.hidden_bias[i];
    for (int p = 0; p < PIXELS; p++) sum += weights.hidden[i][p] * image[p];
    hidden[i] = sum > 0 ? sum >> SHIFT : 0;
  }
  int best = 0;
  int32_t most = INT32_MIN;
  for (int digit = 0; digit < DIGITS; digit++) {
    int32_t sum = weights.output_bias[digit];
    for (int i = 0; i < HIDDEN; i++) sum += weights.output[digit][i] * hidden[i];
    if (sum > most) {
      most = sum;
      best = digit;
    }
  }
  return best;
}

int main(void) {
  const char *index = getenv("PEER_ARRAY_INDEX");
  long first = index ? strtol(index, NULL, 10) * EACH : 0;
  if (first < 0 || first >= IMAGES) {
    fprintf(stderr, "there are %d images, and none of this task\n", IMAGES);
    return 2;
  }
  read_whole("/in/weights.i32", &weights, sizeof weights);
  read_whole("/in/pixels.u8", pixels, sizeof pixels);
  read_whole("/in/labels.u8", labels, sizeof labels);
  FILE *out = fopen("/out/digits.tsv", "w");
  if (!out) return 2;
  int right = 0, images = 0;
  for (long image = first; image < IMAGES && images < EACH; image++, images++) {
    int found = digit_in(pixels[image]);
    right += found == labels[image];
    fprintf(out, "%ld\t%d\t%d\n", image, found, labels[image]);
  }
  printf("%d of %d right\n", right, images);
  return fclose(out) ? 2 : 0;
}
