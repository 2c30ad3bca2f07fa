//! Whether two outputs of a shader count as the same, where they need not be equal bit by bit.

use protocol::kernel::{Compare, are_near};
use protocol::outcome::TaskOutput;
use protocol::units::Fuel;

/// Whether two outputs of one task, and what they cost, count as the same.
///
/// With a tolerance, statuses, file names and lengths are equal; files are read as `f32` in
/// little endian, NaN equals NaN, and an infinity only itself. `apart_max` is for all files of
/// the task together.
pub fn are_alike(compare: &Compare, one: (&TaskOutput, Fuel), other: (&TaskOutput, Fuel)) -> bool {
    if one == other {
        return true;
    }
    let Compare::Tolerance {
        absolute,
        relative,
        apart_max,
    } = compare
    else {
        return false;
    };
    let ((one, cost), (other, other_cost)) = (one, other);
    let files = |output: &TaskOutput| output.files.len();
    let same_shape = one.profile == other.profile
        && one.status == other.status
        && one.steps == other.steps
        && (&one.stdout, &one.stderr) == (&other.stdout, &other.stderr)
        && files(one) == files(other);
    let mut files = one.files.iter().zip(&other.files);
    let same_files = files.all(|(one, other)| one.0 == other.0 && one.1.len() == other.1.len());
    if !same_shape || !same_files || !are_near(cost, other_cost) {
        return false;
    }
    let (absolute, relative) = (f32::from_bits(*absolute), f32::from_bits(*relative));
    let near = |a: f32, b: f32| is_near((a, b), absolute.into(), relative.into());
    let files = one.files.iter().zip(&other.files);
    let apart = files.map(|((_, one), (_, other))| {
        let (one, rest) = numbers(one);
        let (other, other_rest) = numbers(other);
        let pairs = one.zip(other).filter(|(a, b)| !near(*a, *b));
        pairs.count() + usize::from(rest != other_rest)
    });
    apart.sum::<usize>() <= *apart_max as usize
}

/// A file's numbers, and the bytes that are left.
fn numbers(file: &[u8]) -> (impl Iterator<Item = f32> + '_, &[u8]) {
    let (words, rest) = file.as_chunks::<4>();
    (words.iter().map(|word| f32::from_le_bytes(*word)), rest)
}

/// Worked out in `f64`, where neither the difference nor the bound of two `f32` overflows.
fn is_near((a, b): (f32, f32), absolute: f64, relative: f64) -> bool {
    if a == b || (a.is_nan() && b.is_nan()) {
        return true;
    }
    if !a.is_finite() || !b.is_finite() {
        return false;
    }
    let (a, b) = (f64::from(a), f64::from(b));
    (a - b).abs() <= absolute + relative * a.abs().max(b.abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::job::Profile;
    use protocol::outcome::Status;

    fn output(numbers: &[f32]) -> TaskOutput {
        let bytes = numbers.iter().flat_map(|number| number.to_le_bytes());
        TaskOutput {
            profile: Profile::WGSL_1,
            status: Status::Exited(0),
            stdout: Vec::new(),
            stderr: Vec::new(),
            files: vec![("o".to_owned(), bytes.collect())],
            steps: None,
        }
    }

    fn tolerance(absolute: f32, relative: f32, apart_max: u32) -> Compare {
        Compare::Tolerance {
            absolute: absolute.to_bits(),
            relative: relative.to_bits(),
            apart_max,
        }
    }

    #[test]
    fn numbers_are_compared_one_by_one() {
        let (inf, nan, huge) = (f32::INFINITY, f32::NAN, f32::MAX);
        for (one, other, compare, alike) in [
            (
                &[1.0, 2.0][..],
                &[1.0, 2.0][..],
                tolerance(0.0, 0.0, 0),
                true,
            ),
            (&[1.0], &[1.25], tolerance(0.25, 0.0, 0), true),
            (&[1.0], &[1.26], tolerance(0.25, 0.0, 0), false),
            (&[100.0], &[-100.0], tolerance(0.0, 0.5, 0), false),
            (&[100.0], &[80.0], tolerance(0.0, 0.25, 0), true),
            (&[100.0], &[74.0], tolerance(0.0, 0.25, 0), false),
            (&[1.0, 9.0], &[2.0, 9.0], tolerance(0.0, 0.0, 1), true),
            (&[1.0, 9.0], &[2.0, 8.0], tolerance(0.0, 0.0, 1), false),
            (&[nan], &[-nan], tolerance(0.0, 0.0, 0), true),
            (&[nan], &[1.0], tolerance(huge, 1.0, 0), false),
            (&[inf], &[inf], tolerance(0.0, 0.0, 0), true),
            (&[inf], &[-inf], tolerance(huge, huge, 0), false),
            (&[inf], &[1.0], tolerance(huge, huge, 0), false),
            (&[huge], &[-huge], tolerance(huge, 1.0, 0), true),
            (&[0.0], &[-0.0], tolerance(0.0, 0.0, 0), true),
            (&[1.0], &[1.0, 1.0], tolerance(9.0, 9.0, 9), false),
            (&[1.0], &[2.0], Compare::Exact, false),
        ] {
            let (a, b) = (output(one), output(other));
            let cost = Fuel::new(100);
            let found = are_alike(&compare, (&a, cost), (&b, cost));
            assert_eq!(found, alike, "{one:?} {other:?} {compare:?}");
            assert_eq!(are_alike(&compare, (&b, cost), (&a, cost)), alike);
        }
    }

    #[test]
    fn what_stands_around_the_numbers_is_the_same_and_so_nearly_is_the_bill() {
        let (one, near) = (output(&[1.0]), output(&[1.5]));
        let loose = tolerance(1.0, 0.0, 0);
        for (fuel, alike) in [(160, true), (170, true), (171, false), (150, false)] {
            let found = are_alike(&loose, (&one, Fuel::new(160)), (&near, Fuel::new(fuel)));
            assert_eq!(found, alike, "{fuel}");
        }
        let fuel = Fuel::new(1);
        let ended = TaskOutput {
            status: Status::Exited(1),
            ..near.clone()
        };
        assert!(!are_alike(&loose, (&one, fuel), (&ended, fuel)));
        let mut named = near.clone();
        named.files[0].0 = "p".to_owned();
        assert!(!are_alike(&loose, (&one, fuel), (&named, fuel)));
        let mut odd = [one.clone(), near];
        for (output, byte) in odd.iter_mut().zip([1, 2]) {
            output.files[0].1.push(byte);
        }
        assert!(!are_alike(&loose, (&odd[0], fuel), (&odd[1], fuel)));
        let same = Compare::Homogeneous {
            device: "x".to_owned(),
        };
        assert!(are_alike(&same, (&one, fuel), (&one, fuel)));
        assert!(!are_alike(&same, (&one, fuel), (&one, Fuel::new(2))));
    }
}
