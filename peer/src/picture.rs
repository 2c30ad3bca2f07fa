//! A matrix of scores as a picture: PNG for a folder, half blocks for a terminal. The same pixels
//! in both.

/// Each score is a square of so many pixels in a PNG.
pub const PNG_SCALE: usize = 8;

/// Colours from dark to light, evenly apart to the eye (the stops of matplotlib's *viridis*, CC0).
const PALETTE: [[u8; 3]; 9] = [
    [68, 1, 84],
    [71, 44, 122],
    [59, 81, 139],
    [44, 113, 142],
    [33, 144, 141],
    [39, 173, 129],
    [92, 200, 99],
    [170, 220, 50],
    [253, 231, 37],
];

/// Letters from dark to light.
const RAMP: &[u8] = b" .:-=+*#%@";

/// A picture of `side` x `side` pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heat {
    side: usize,
    levels: Vec<u8>,
}

impl Heat {
    /// The picture of a square matrix, row by row: its lowest value dark, its highest light. `None`
    /// if the matrix is empty or not square.
    pub fn of(scores: &[Vec<i64>]) -> Option<Self> {
        let side = scores.len();
        if side == 0 || scores.iter().any(|row| row.len() != side) {
            return None;
        }
        let all = || scores.iter().flatten().copied();
        let (low, high) = (all().min()?, all().max()?);
        let span = (i128::from(high) - i128::from(low)).max(1);
        let level = |score: i64| {
            let above = (i128::from(score) - i128::from(low)) * 255 / span;
            u8::try_from(above).expect("a part of the span is at most all of it")
        };
        let levels = all().map(level).collect();
        Some(Self { side, levels })
    }

    fn level(&self, row: usize, column: usize) -> u8 {
        self.levels[row * self.side + column]
    }

    fn pixel(&self, row: usize, column: usize) -> [u8; 3] {
        colour(self.level(row, column))
    }

    /// As a PNG file.
    pub fn png(&self) -> Vec<u8> {
        let side = self.side * PNG_SCALE;
        let places = (0..side).flat_map(|y| (0..side).map(move |x| (y / PNG_SCALE, x / PNG_SCALE)));
        let pixels: Vec<u8> = places
            .flat_map(|(row, column)| self.pixel(row, column))
            .collect();
        let side = u32::try_from(side).unwrap_or(u32::MAX);
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, side, side);
        encoder.set_color(png::ColorType::Rgb);
        let written = encoder.write_header().and_then(|mut writer| {
            writer.write_image_data(&pixels)?;
            writer.finish()
        });
        written.expect("writing to memory cannot fail");
        file
    }

    /// As lines for a terminal of `columns`: two rows to a line, in 24-bit colours. Where the
    /// picture is wider than the terminal, only every n-th row and column is drawn.
    pub fn half_blocks(&self, columns: usize) -> String {
        let (step, seen) = self.fit(columns);
        let mut text = String::new();
        for line in 0..seen.div_ceil(2) {
            for column in 0..seen {
                let [r, g, b] = self.pixel(line * 2 * step, column * step);
                text += &format!("\x1b[38;2;{r};{g};{b}m");
                if line * 2 + 1 < seen {
                    let [r, g, b] = self.pixel((line * 2 + 1) * step, column * step);
                    text += &format!("\x1b[48;2;{r};{g};{b}m");
                }
                text.push('▀');
            }
            text += "\x1b[0m\n";
        }
        text
    }

    /// As lines of letters: two rows to a line, as letters are twice as high as wide.
    pub fn letters(&self, columns: usize) -> String {
        let (step, seen) = self.fit(columns);
        let mut text = String::new();
        for line in 0..seen.div_ceil(2) {
            for column in 0..seen {
                let above = usize::from(self.level(line * 2 * step, column * step));
                let below = match line * 2 + 1 < seen {
                    true => usize::from(self.level((line * 2 + 1) * step, column * step)),
                    false => above,
                };
                text.push(char::from(RAMP[(above + below) * (RAMP.len() - 1) / 510]));
            }
            text.push('\n');
        }
        text
    }

    fn fit(&self, columns: usize) -> (usize, usize) {
        let step = self.side.div_ceil(columns.max(1));
        (step, self.side.div_ceil(step))
    }
}

fn colour(level: u8) -> [u8; 3] {
    let last = PALETTE.len() - 1;
    let along = usize::from(level) * last;
    let (stop, part) = (along / 255, along % 255);
    let (from, to) = (PALETTE[stop], PALETTE[(stop + 1).min(last)]);
    std::array::from_fn(|channel| {
        let mixed = usize::from(from[channel]) * (255 - part) + usize::from(to[channel]) * part;
        u8::try_from(mixed / 255).expect("between two bytes is a byte")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heat() -> Heat {
        Heat::of(&[vec![10, -5, 0], vec![-5, 10, 3], vec![0, 3, 10]]).unwrap()
    }

    #[test]
    fn low_is_dark_high_is_light_and_all_pictures_agree() {
        let heat = heat();
        assert_eq!(
            (heat.pixel(0, 1), heat.pixel(1, 1)),
            (PALETTE[0], PALETTE[8])
        );
        let side = 3 * PNG_SCALE;
        let file = std::io::Cursor::new(heat.png());
        let mut png = png::Decoder::new(file).read_info().unwrap();
        let (width, height) = png.info().size();
        assert_eq!((width as usize, height as usize), (side, side));
        assert_eq!(
            png.output_color_type(),
            (png::ColorType::Rgb, png::BitDepth::Eight)
        );
        let mut pixels = vec![0; png.output_buffer_size().unwrap()];
        png.next_frame(&mut pixels).unwrap();
        for (row, y) in (3..).step_by(8).take(3).enumerate() {
            for (column, x) in (7..).step_by(8).take(3).enumerate() {
                let at = 3 * (y * side + x);
                assert_eq!(pixels[at..at + 3], heat.pixel(row, column));
            }
        }
        assert_eq!(heat.letters(80), "==-\n-=@\n");
        assert_eq!(heat.half_blocks(80).matches('▀').count(), 6);
        assert!(
            heat.half_blocks(80)
                .starts_with("\x1b[38;2;253;231;37m\x1b[48;2;68;1;84m▀")
        );
    }

    #[test]
    fn a_picture_fits_the_terminal() {
        let wide: Vec<Vec<i64>> = (0..94).map(|i| (0..94).map(|j| i * j).collect()).collect();
        let heat = Heat::of(&wide).unwrap();
        for (columns, seen) in [(200, 94), (94, 94), (80, 47), (10, 10), (1, 1), (0, 1)] {
            let letters = heat.letters(columns);
            assert_eq!(
                letters.lines().next().unwrap().len(),
                seen,
                "{columns} columns"
            );
            assert_eq!(letters.lines().count(), seen.div_ceil(2));
        }
    }

    #[test]
    fn odd_matrices_are_no_reason_to_panic() {
        assert_eq!(Heat::of(&[]), None);
        assert_eq!(Heat::of(&[vec![1, 2]]), None);
        assert_eq!(Heat::of(&[vec![1], vec![1, 2]]), None);
        Heat::of(&[vec![i64::MIN, i64::MAX], vec![0, 0]]).unwrap();
        Heat::of(&[vec![7]]).unwrap().png();
    }
}
