//! Cards and tables, laid out: columns as wide as their widest cell, two spaces between them.

/// What a cell's colour says. Never by colour alone: a mark stands beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Nothing.
    Plain,
    /// It went well.
    Good,
    /// Something to look at.
    Warn,
    /// It went wrong.
    Bad,
    /// Less important.
    Dim,
}

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    text: String,
    tone: Tone,
}

/// One part of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Section {
    /// Names and values.
    Card(Vec<(&'static str, Cell)>),
    /// A heading and rows of as many cells.
    Rows(Vec<&'static str>, Vec<Vec<Cell>>),
    /// A sentence for people; left out of tab-separated values.
    Note(Cell),
}

impl Cell {
    /// A value with a mark and a colour.
    pub fn toned(tone: Tone, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { text, tone }
    }

    fn marked(&self, ascii: bool) -> String {
        let mark = match (self.tone, ascii) {
            (Tone::Plain | Tone::Dim, _) => "",
            (Tone::Good, false) => "✓ ",
            (Tone::Good, true) => "ok ",
            (Tone::Warn, _) => "! ",
            (Tone::Bad, false) => "✗ ",
            (Tone::Bad, true) => "x ",
        };
        format!("{mark}{}", plain(&self.text))
    }

    const fn colour(&self) -> (&'static str, &'static str) {
        match self.tone {
            Tone::Plain => ("", ""),
            Tone::Good => ("\x1b[32m", "\x1b[0m"),
            Tone::Warn => ("\x1b[33m", "\x1b[0m"),
            Tone::Bad => ("\x1b[31m", "\x1b[0m"),
            Tone::Dim => ("\x1b[2m", "\x1b[0m"),
        }
    }
}

impl<T: ToString> From<T> for Cell {
    fn from(value: T) -> Self {
        Self::toned(Tone::Plain, value.to_string())
    }
}

/// Text without what a terminal would obey: escapes and control characters become spaces, so that
/// no name or reason of a stranger can move the cursor.
pub fn plain(text: &str) -> String {
    let calm = |letter: char| if letter.is_control() { ' ' } else { letter };
    text.chars().map(calm).collect()
}

/// As tab-separated values without headings.
pub(super) fn tsv(sections: &[Section]) -> String {
    let mut text = String::new();
    for section in sections {
        match section {
            Section::Card(pairs) => {
                for (name, value) in pairs {
                    text += &format!("{name}\t{}\n", plain(&value.text));
                }
            }
            Section::Rows(_, rows) => {
                for row in rows {
                    let cells: Vec<String> = row.iter().map(|cell| plain(&cell.text)).collect();
                    text += &cells.join("\t");
                    text.push('\n');
                }
            }
            Section::Note(_) => {}
        }
    }
    text
}

/// As cards and tables for people.
pub(super) fn table(sections: &[Section], ascii: bool) -> String {
    let mut text = String::new();
    for section in sections {
        if !text.is_empty() {
            text.push('\n');
        }
        match section {
            Section::Card(pairs) => card(pairs, ascii, &mut text),
            Section::Rows(head, rows) => columns(head, rows, ascii, &mut text),
            Section::Note(note) => line(&[(note, 0)], ascii, &mut text),
        }
    }
    text
}

fn card(pairs: &[(&'static str, Cell)], ascii: bool, text: &mut String) {
    let wide = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in pairs {
        line(
            &[(&Cell::toned(Tone::Dim, *name), wide), (value, 0)],
            ascii,
            text,
        );
    }
}

fn columns(head: &[&'static str], rows: &[Vec<Cell>], ascii: bool, text: &mut String) {
    let head: Vec<Cell> = head
        .iter()
        .map(|name| Cell::toned(Tone::Dim, *name))
        .collect();
    let width = |column: usize| {
        let cells = rows.iter().chain([&head]).filter_map(|row| row.get(column));
        cells
            .map(|cell| cell.marked(ascii).chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    for row in [&head].into_iter().chain(rows) {
        let cells: Vec<(&Cell, usize)> = row.iter().zip(widths.iter().copied()).collect();
        line(&cells, ascii, text);
    }
}

fn line(cells: &[(&Cell, usize)], ascii: bool, text: &mut String) {
    let last = cells.len().saturating_sub(1);
    for (place, (cell, wide)) in cells.iter().enumerate() {
        let (begin, end) = cell.colour();
        let shown = cell.marked(ascii);
        let gap = wide.saturating_sub(shown.chars().count()) + 2;
        text.push_str(begin);
        text.push_str(&shown);
        text.push_str(end);
        if place < last {
            text.extend(std::iter::repeat_n(' ', gap));
        }
    }
    text.push('\n');
}
