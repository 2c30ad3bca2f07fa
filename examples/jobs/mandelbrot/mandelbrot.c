// The same picture as mandelbrot.wgsl, as a WASI program: one task, one strip in /out/picture.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { WIDTH = 256, ROWS = 16 };

static int32_t times(int32_t a, int32_t b) {
    return (int32_t)((uint32_t)a * (uint32_t)b) >> 12;
}

static unsigned char steps_of(int32_t column, int32_t row) {
    int32_t cr = column * 12288 / WIDTH - 8192, ci = row * 12288 / WIDTH - 6144;
    int32_t zr = 0, zi = 0;
    unsigned steps = 0;
    while (steps < 255) {
        int32_t rr = times(zr, zr), ii = times(zi, zi);
        if (rr + ii > 16384) break;
        zi = 2 * times(zr, zi) + ci;
        zr = rr - ii + cr;
        steps++;
    }
    return (unsigned char)steps;
}

int main(void) {
    const char *index = getenv("PEER_ARRAY_INDEX");
    int32_t first = index ? atoi(index) * ROWS : 0;
    FILE *picture = fopen("/out/picture", "wb");
    if (!picture) return 1;
    for (int32_t row = first; row < first + ROWS; row++)
        for (int32_t column = 0; column < WIDTH; column++) fputc(steps_of(column, row), picture);
    return fclose(picture) ? 1 : 0;
}
