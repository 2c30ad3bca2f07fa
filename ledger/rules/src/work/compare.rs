//! What opened roots say to each other. A majority decides nothing: two against one may be one
//! person with two names, so any difference is a difference.

use protocol::outcome::Root;

/// With fewer there is nothing to compare.
const COMPARED_MIN: usize = 2;

/// What a comparison found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compared {
    /// All are equal.
    Agreed,
    /// Some differ.
    Differed,
    /// There are too few to compare.
    TooFew,
}

/// How many opened roots a bundle of so many runs needs: two, that they can be compared, unless it
/// was given to a trusted peer alone, at whom audits look.
pub(crate) fn needed(runs: usize) -> usize {
    runs.min(COMPARED_MIN)
}

/// Compares the roots that were opened of a bundle of so many runs.
pub(crate) fn compare(roots: &[Root], runs: usize) -> Compared {
    match roots.split_first() {
        Some((first, others)) if roots.len() >= needed(runs) => {
            if others.iter().all(|other| other == first) {
                Compared::Agreed
            } else {
                Compared::Differed
            }
        }
        _ => Compared::TooFew,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::ids::Digest;
    use protocol::units::Fuel;

    #[test]
    fn any_difference_is_a_difference() {
        let root = |letter: u8| Root {
            digest: Digest::of(&[letter]),
            fuel: Fuel::new(1),
        };
        for (line, expected) in [
            ("", Compared::TooFew),
            ("7", Compared::TooFew),
            ("77", Compared::Agreed),
            ("79", Compared::Differed),
            ("777", Compared::Agreed),
            ("779", Compared::Differed),
            ("977", Compared::Differed),
        ] {
            let roots: Vec<Root> = line.bytes().map(root).collect();
            assert_eq!(compare(&roots, 2), expected, "{line}");
        }
        let cheaper = Root {
            fuel: Fuel::new(2),
            ..root(b'7')
        };
        assert_eq!(compare(&[root(b'7'), cheaper], 2), Compared::Differed);
        assert_eq!(compare(&[cheaper], 1), Compared::Agreed);
        assert_eq!(compare(&[], 1), Compared::TooFew);
    }
}
