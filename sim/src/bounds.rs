//! What many seeds say together: means, and bounds that hold with 95 % confidence. Integers alone.

use crate::figure::Figure;

/// Student's t for one-sided 95 %, in thousandths, by degrees of freedom from 1.
const T_95: [i128; 30] = [
    6_314, 2_920, 2_353, 2_132, 2_015, 1_943, 1_895, 1_860, 1_833, 1_812, 1_796, 1_782, 1_771,
    1_761, 1_753, 1_746, 1_740, 1_734, 1_729, 1_725, 1_721, 1_717, 1_714, 1_711, 1_708, 1_706,
    1_703, 1_701, 1_699, 1_697,
];
/// The same for more degrees than the table has: a little on the safe side.
const T_95_MANY: i128 = 1_697;

/// A figure over seeds, and the bounds on both sides of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// It is above this with 95 % confidence.
    pub low: Figure,
    /// The estimate.
    pub mean: Figure,
    /// It is below this with 95 % confidence.
    pub high: Figure,
}

/// The mean of values and its bounds. One value, or the same in every seed, bounds itself.
pub fn of_mean(values: &[Figure]) -> Bounds {
    let least = values.iter().copied().min().unwrap_or_default();
    let most = values.iter().copied().max().unwrap_or_default();
    if least == most || most.is_endless() {
        return Bounds {
            low: least,
            mean: least,
            high: most,
        };
    }
    let n = values.len() as i128;
    let sum: i128 = values.iter().map(|value| value.in_milli()).sum();
    let mean = sum.div_euclid(n);
    let errors = values.iter().map(|value| square(value.in_milli() - mean));
    around(mean, errors.fold(0, u128::saturating_add), n, 1)
}

/// The ratio of two sums over seeds, as `(part, of)` per seed, and its bounds.
pub fn of_ratio(pairs: &[(i128, i128)]) -> Bounds {
    let n = pairs.len() as i128;
    let part: i128 = pairs.iter().map(|pair| pair.0).sum();
    let of: i128 = pairs.iter().map(|pair| pair.1).sum();
    let ratio = Figure::ratio(part, of);
    if ratio.is_endless() || of <= 0 {
        return Bounds {
            low: ratio,
            mean: ratio,
            high: ratio,
        };
    }
    // The spread of `part - ratio * of` among seeds, for each `of` that a seed has on average.
    let rest = |(part, of): &(i128, i128)| part - (of * ratio.in_milli()).div_euclid(1_000);
    let errors = pairs.iter().map(|pair| square(rest(pair)));
    let sum = errors.fold(0, u128::saturating_add);
    around(ratio.in_milli(), sum, n, of / n)
}

/// `mean` in thousandths, with `errors` the sum of squares of what is measured in `per` of them.
fn around(mean: i128, errors: u128, n: i128, per: i128) -> Bounds {
    let figure = Figure::milli(mean);
    if n < 2 {
        return Bounds {
            low: figure,
            mean: figure,
            high: figure,
        };
    }
    let parts = u128::try_from((n - 1) * n).unwrap_or(u128::MAX);
    let error = i128::try_from((errors / parts).isqrt()).unwrap_or(i128::MAX);
    let t = usize::try_from(n - 2)
        .ok()
        .and_then(|at| T_95.get(at))
        .unwrap_or(&T_95_MANY);
    // A mean's errors are in thousandths already, a ratio's in what it is a ratio of.
    let scale = if per > 1 { 1 } else { 1_000 };
    let span = error.saturating_mul(*t) / per.max(1) / scale;
    Bounds {
        low: Figure::milli(mean - span - 1),
        mean: figure,
        high: Figure::milli(mean + span + 1),
    }
}

fn square(value: i128) -> u128 {
    value.unsigned_abs().saturating_mul(value.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_close_in_on_the_mean() {
        let two = [Figure::whole(9), Figure::whole(11)];
        let bounds = of_mean(&two);
        assert_eq!(bounds.mean, Figure::whole(10));
        // s = 1.414, s / sqrt 2 = 1, t = 6.314.
        assert_eq!(bounds.low, Figure::milli(10_000 - 6_314 - 1));
        let many: Vec<Figure> = (0..100).map(|n| two[n % 2]).collect();
        assert!(of_mean(&many).low > Figure::milli(9_820));
        let none = of_mean(&[Figure::ZERO; 30]);
        assert_eq!((none.low, none.high), (Figure::ZERO, Figure::ZERO));
    }

    #[test]
    fn a_ratio_is_of_sums_not_of_ratios() {
        let pairs = [
            (30_000_000, 10_000_000),
            (0, 10_000_000),
            (60_000_000, 10_000_000),
        ];
        let bounds = of_ratio(&pairs);
        assert_eq!(bounds.mean, Figure::whole(3));
        assert!(
            bounds.low < Figure::ZERO,
            "three seeds that differ so much bound nothing"
        );
        let same = [(30_000_000, 10_000_000); 30];
        assert!(of_ratio(&same).low > Figure::milli(2_990));
        assert_eq!(of_ratio(&[(5, 0)]).low, Figure::ENDLESS);
    }
}
