/*
 * One task of the orchids job: aligns sequence i with every later one, j > i.
 *
 *   PEER_ARRAY_INDEX   i, decimal, counted from 0
 *   /in/sequences      FASTA
 *   /out/row.tsv       one line for each j > i:   i <TAB> j <TAB> score
 *
 * The score is that of the best local alignment (Smith and Waterman) with affine gaps (Gotoh):
 * two letters are equal or they are not, N included. Exit 0, or 2 with the reason on stderr.
 *
 * Eight sequences are aligned with sequence i at once, one in each lane of a 128-bit vector.
 * The lanes never meet, so this is the plain algorithm with eight answers. All numbers are
 * integers and nothing is allocated: every machine does the same steps and gets the same bytes.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  MATCH = 2,
  MISMATCH = -1,
  GAP_OPEN = -5,  /* the first letter of a gap */
  GAP_EXTEND = -1, /* each further one */

  LANES = 8,
  INPUT_MAX = 1 << 20,
  SEQUENCES_MAX = 4096,
  LETTERS_MAX = 8192, /* of one sequence: its best score, 2 * 8192, fits a lane */
};

_Static_assert(MATCH * LETTERS_MAX <= INT16_MAX, "a score must fit a lane");

typedef int16_t lanes __attribute__((vector_size(2 * LANES)));

struct sequence {
  const char *letters;
  int length;
};

/* One column of the score matrix: only the row above is ever needed again. */
struct column {
  lanes letter; /* of sequence i, the same in every lane */
  lanes best;   /* best alignment that ends in this cell of the row above */
  lanes gap;    /* best one that reaches the current row by a gap */
};

static char input[INPUT_MAX + 1];
static struct sequence sequences[SEQUENCES_MAX];
static struct column columns[LETTERS_MAX];
static char output[SEQUENCES_MAX * 24];

/* ---- words to the outside --------------------------------------------------------------- */

static _Noreturn void refuse(const char *why) {
  static const char name[] = "align: ";
  (void)!write(STDERR_FILENO, name, sizeof name - 1);
  (void)!write(STDERR_FILENO, why, strlen(why));
  (void)!write(STDERR_FILENO, "\n", 1);
  _exit(2);
}

/* Writes n at `at` in decimal and returns where it ended. */
static char *put_number(char *at, int n) {
  char digits[10];
  int count = 0;
  do {
    digits[count++] = (char)('0' + n % 10);
    n /= 10;
  } while (n > 0);
  while (count > 0) *at++ = digits[--count];
  return at;
}

/* The array index below `limit`, or a refusal. */
static int array_index(int limit) {
  const char *text = getenv("PEER_ARRAY_INDEX");
  if (text == NULL || *text == '\0') refuse("PEER_ARRAY_INDEX is not set");
  int index = 0;
  for (; *text != '\0'; text++) {
    if (*text < '0' || *text > '9') refuse("PEER_ARRAY_INDEX is not a decimal number");
    index = 10 * index + (*text - '0');
    if (index >= limit) refuse("PEER_ARRAY_INDEX is past the last sequence");
  }
  return index;
}

/* ---- input -------------------------------------------------------------------------------- */

/* Reads the whole input and returns its length. */
static int read_input(void) {
  int file = open("/in/sequences", O_RDONLY);
  if (file < 0) refuse("cannot open /in/sequences");
  int length = 0;
  for (;;) {
    ssize_t got = read(file, input + length, (size_t)(sizeof input - (size_t)length));
    if (got < 0) refuse("cannot read /in/sequences");
    if (got == 0) break;
    length += (int)got;
    if (length > INPUT_MAX) refuse("/in/sequences is longer than 1 MiB");
  }
  close(file);
  return length;
}

/* Finds the sequences in the input, which it packs in place, and returns how many there are. */
static int parse(int length) {
  int count = 0;
  char *kept = input; /* never ahead of `at`: line ends and headers are left out */
  char *at = input, *end = input + length;
  while (at < end) {
    if (*at == '>') {
      if (count > 0 && sequences[count - 1].length == 0) refuse("a sequence is empty");
      if (count == SEQUENCES_MAX) refuse("more than 4096 sequences");
      while (at < end && *at != '\n') at++;
      sequences[count].letters = kept;
      sequences[count++].length = 0;
    } else if (*at == '\n' || *at == '\r') {
      at++;
    } else {
      if (*at < 'A' || *at > 'Z') refuse("a letter is not one of A to Z");
      if (count == 0) refuse("/in/sequences does not begin with a '>' line");
      if (++sequences[count - 1].length > LETTERS_MAX) refuse("a sequence has over 8192 letters");
      *kept++ = *at++;
    }
  }
  if (count == 0) refuse("/in/sequences holds no sequence");
  if (sequences[count - 1].length == 0) refuse("a sequence is empty");
  return count;
}

/* ---- alignment ---------------------------------------------------------------------------- */

static inline lanes all(int value) { return (lanes){0} + (int16_t)value; }

static inline lanes larger(lanes a, lanes b) { return __builtin_elementwise_max(a, b); }

/* The letters at `row` of `count` sequences. A sequence that has ended gives 0, which equals no
   letter: a row of mismatches and gaps only lowers scores, so the best one stays. */
static lanes letters_at(const struct sequence *other, int count, int row) {
  lanes letters = all(0);
  for (int lane = 0; lane < count; lane++) {
    if (row < other[lane].length) letters[lane] = other[lane].letters[row];
  }
  return letters;
}

/*
 * Aligns the sequence laid out in `columns` with up to eight others: one score a lane.
 *
 *   diagonal | above        cell  = max(0, diagonal + match or mismatch, gap along, gap above)
 *   ---------+--------      gap' = max(cell + GAP_OPEN, gap + GAP_EXTEND), in both directions
 *   left     | cell
 *
 * No cell is below 0, so no gap is below GAP_OPEN: that is where both begin.
 */
static lanes align(int width, const struct sequence *other, int count) {
  for (int k = 0; k < width; k++) {
    columns[k].best = all(0);
    columns[k].gap = all(GAP_OPEN);
  }
  int height = 0;
  for (int lane = 0; lane < count; lane++) {
    if (other[lane].length > height) height = other[lane].length;
  }
  lanes best = all(0);
  for (int row = 0; row < height; row++) {
    lanes letter = letters_at(other, count, row);
    lanes diagonal = all(0), gap_along = all(GAP_OPEN);
    struct column *end = columns + width;
    for (struct column *column = columns; column < end; column++) {
      lanes gap_above = column->gap;
      lanes equal = column->letter == letter; /* all bits set, or none */
      lanes cell = diagonal + ((equal & all(MATCH)) | (~equal & all(MISMATCH)));
      cell = larger(larger(cell, all(0)), larger(gap_along, gap_above));
      best = larger(best, cell);

      diagonal = column->best;
      column->best = cell;
      lanes opened = cell + all(GAP_OPEN);
      column->gap = larger(opened, gap_above + all(GAP_EXTEND));
      gap_along = larger(opened, gap_along + all(GAP_EXTEND));
    }
  }
  return best;
}

/* ---- the task ----------------------------------------------------------------------------- */

static void write_output(const char *text, size_t length) {
  int file = open("/out/row.tsv", O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file < 0) refuse("cannot create /out/row.tsv");
  while (length > 0) {
    ssize_t put = write(file, text, length);
    if (put <= 0) refuse("cannot write /out/row.tsv");
    text += put;
    length -= (size_t)put;
  }
  if (close(file) != 0) refuse("cannot write /out/row.tsv");
}

int main(void) {
  int count = parse(read_input());
  int i = array_index(count);
  int width = sequences[i].length;
  for (int k = 0; k < width; k++) columns[k].letter = all(sequences[i].letters[k]);

  char *at = output;
  for (int first = i + 1; first < count; first += LANES) {
    int some = count - first < LANES ? count - first : LANES;
    lanes best = align(width, sequences + first, some);
    for (int lane = 0; lane < some; lane++) {
      at = put_number(at, i);
      *at++ = '\t';
      at = put_number(at, first + lane);
      *at++ = '\t';
      at = put_number(at, best[lane]);
      *at++ = '\n';
    }
  }
  write_output(output, (size_t)(at - output));
  return 0;
}
