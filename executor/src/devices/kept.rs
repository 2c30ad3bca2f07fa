//! The figures on disk: one file, written whole or not at all, and read with suspicion.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use thiserror::Error;

use super::Figures;

/// A file of figures has no more bytes.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// The figures cannot be kept.
#[derive(Debug, Error)]
#[error("cannot keep the figures of this machine's devices")]
pub struct KeepError(#[from] io::Error);

/// What was kept there; `None` if nothing was, or it is damaged, which is a reason to measure.
pub fn kept(file: &Path) -> Option<Figures> {
    let mut bytes = Vec::new();
    let file = File::open(file).ok()?;
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    borsh::from_slice(&bytes).ok()
}

/// Keeps figures there, in place of what was.
///
/// # Errors
/// [`KeepError`] if the disk says no.
pub fn keep(file: &Path, figures: &Figures) -> Result<(), KeepError> {
    let part = file.with_extension("part");
    fs::write(&part, borsh::to_vec(figures)?)?;
    Ok(fs::rename(part, file)?)
}

#[cfg(test)]
mod tests {
    use super::super::{CpuFigures, Digest, Fuel, Moment};
    use super::*;

    #[test]
    fn figures_come_back_and_damage_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("devices");
        assert_eq!(kept(&file), None);
        let figures = Figures {
            measured: Moment::new(1),
            runtime: Digest::of(b"runtime"),
            cpu: CpuFigures {
                name: "a processor".to_owned(),
                processors: 2,
                alone: Fuel::new(3),
                together: Fuel::new(4),
            },
            gpus: Vec::new(),
        };
        keep(&file, &figures).unwrap();
        assert_eq!(kept(&file), Some(figures.clone()));
        assert!(!figures.hold(Digest::of(b"another"), &[]));
        let mut bytes = fs::read(&file).unwrap();
        bytes.push(0);
        fs::write(&file, &bytes).unwrap();
        assert_eq!(kept(&file), None);
        fs::write(&file, &bytes[..10]).unwrap();
        assert_eq!(kept(&file), None);
        assert!(keep(Path::new("/nowhere/devices"), &figures).is_err());
    }
}
