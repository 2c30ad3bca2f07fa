//! Blobs that are whole, damaged, cut short and too large.

use super::*;

fn files(root: &Path) -> usize {
    let inside = |path: PathBuf| fs::read_dir(path).unwrap().count();
    let shelves = fs::read_dir(root)
        .unwrap()
        .map(|shelf| shelf.unwrap().path());
    shelves.map(inside).sum()
}

#[test]
fn content_is_kept_once_and_found_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(dir.path()).unwrap();
    let digest = blobs.keep(b"orchids").unwrap();
    assert_eq!(digest, Digest::of(b"orchids"));
    assert_eq!(blobs.keep(b"orchids").unwrap(), digest);
    assert_eq!(files(dir.path()), 1);

    let again = Blobs::open(dir.path()).unwrap();
    assert_eq!(again.read(&digest).unwrap().unwrap(), b"orchids");
    let (path, len) = again.path(&digest).unwrap().unwrap();
    assert_eq!((fs::read(path).unwrap(), len), (b"orchids".to_vec(), 7));
    assert_eq!(again.read(&Digest::of(b"?")).unwrap(), None);
    assert_eq!(again.size(&Digest::of(b"?")).unwrap(), None);
}

#[test]
fn a_corrupt_blob_is_noticed_before_it_is_used_and_is_then_absent() {
    let dir = tempfile::tempdir().unwrap();
    let digest = Blobs::open(dir.path()).unwrap().keep(b"orchids").unwrap();
    for damage in [&b"orchidz"[..], b"orch", b"", b"orchids and more"] {
        for by_path in [true, false] {
            let blobs = Blobs::open(dir.path()).unwrap();
            blobs.keep(b"orchids").unwrap();
            let blobs = Blobs::open(dir.path()).unwrap();
            fs::write(blobs.place(&digest), damage).unwrap();
            if by_path {
                assert_eq!(blobs.path(&digest).unwrap(), None);
            } else {
                assert_eq!(blobs.read(&digest).unwrap(), None);
            }
            assert_eq!(files(dir.path()), 0, "the damaged file is gone");
        }
    }
}

#[test]
fn a_blob_that_is_damaged_after_its_first_use_is_noticed_too() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(dir.path()).unwrap();
    for damage in [&b"orchidz"[..], b"orch"] {
        let digest = blobs.keep(b"orchids").unwrap();
        let (path, _) = blobs.path(&digest).unwrap().unwrap();
        // The system tells changes apart by its clock's ticks, which are some milliseconds long.
        std::thread::sleep(std::time::Duration::from_millis(50));
        fs::write(path, damage).unwrap();
        assert_eq!(blobs.path(&digest).unwrap(), None);
        assert_eq!(blobs.size(&digest).unwrap(), None);
    }
}

#[test]
fn what_is_not_as_promised_or_not_finished_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(dir.path()).unwrap();
    let expected = Digest::of(b"orchids");
    let error = blobs.keep_as(expected, b"orchidz").unwrap_err();
    assert!(matches!(error, BlobError::Wrong { .. }), "{error}");
    let mut part = blobs.part().unwrap();
    part.write(b"orch").unwrap();
    drop(part);
    assert_eq!(files(dir.path()), 0);

    let mut part = blobs.part().unwrap();
    part.write(b"orch").unwrap();
    std::mem::forget(part);
    assert_eq!(files(dir.path()), 1);
    Blobs::open(dir.path()).unwrap();
    assert_eq!(files(dir.path()), 0, "a dead process's part is cleared");
}

#[test]
fn no_blob_is_larger_than_the_limit() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(dir.path()).unwrap();
    let mut part = blobs.part().unwrap();
    part.len = BLOB_BYTES_MAX;
    assert!(matches!(part.write(b"x"), Err(BlobError::TooLarge { .. })));
}

#[test]
fn adopted_content_is_checked_when_first_used() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(dir.path()).unwrap();
    let digest = Digest::of(b"orchids");
    for (content, is_there) in [("orchids", true), ("orchidz", false)] {
        let into = blobs.incoming();
        fs::write(&into, content).unwrap();
        blobs.adopt(digest, &into).unwrap();
        assert_eq!(
            blobs.file(&digest).unwrap().is_some(),
            is_there,
            "{content}"
        );
    }
    assert_eq!(files(dir.path()), 0);
}
