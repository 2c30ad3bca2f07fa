//! Key files: whole or refused, and what is signed with them.

use super::*;
use std::os::unix::fs::PermissionsExt;

fn made() -> (tempfile::TempDir, PathBuf, Keys) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys");
    let keys = Keys::load_or_make(&path).unwrap();
    (dir, path, keys)
}

#[test]
fn keys_are_made_once_for_us_alone_and_found_again() {
    let (dir, path, keys) = made();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    let again = Keys::load_or_make(&path).unwrap();
    assert_eq!(keys.node(), again.node());
    assert_eq!(keys.party(), again.party());
    assert_eq!(keys.consensus(), again.consensus());
    assert_eq!(keys.secret("salt", &[b"a"]), again.secret("salt", &[b"a"]));
    assert_ne!(keys.secret("salt", &[b"a"]), again.secret("salt", &[b"b"]));
    let other = Keys::load_or_make(&dir.path().join("other")).unwrap();
    assert_ne!(keys.node(), other.node());
    assert_ne!(keys.node().bytes(), keys.party_key().bytes());
}

#[test]
fn a_siblings_keys_are_new_but_for_the_party() {
    let (dir, path, keys) = made();
    let other = dir.path().join("other");
    let sibling = keys.make_sibling(&other).unwrap();
    assert_eq!(sibling.party_key(), keys.party_key());
    assert_ne!(sibling.node(), keys.node());
    assert_ne!(sibling.consensus(), keys.consensus());
    assert_eq!(Keys::load(&other).unwrap().node(), sibling.node());
    // It never replaces keys, its own included.
    for taken in [&other, &path] {
        let before = fs::read(taken).unwrap();
        assert!(keys.make_sibling(taken).is_err());
        assert_eq!(fs::read(taken).unwrap(), before);
    }
}

#[test]
fn every_cut_and_every_changed_byte_is_damage_and_nothing_is_overwritten() {
    let (_dir, path, _) = made();
    let whole = fs::read(&path).unwrap();
    let refused = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let error = Keys::load_or_make(&path).unwrap_err();
        assert!(matches!(error, KeyError::Damaged { .. }), "{error}");
        assert_eq!(fs::read(&path).unwrap(), bytes);
    };
    for len in 0..whole.len() - 1 {
        refused(&whole[..len]);
    }
    for place in 0..whole.len() - 1 {
        let mut changed = whole.clone();
        changed[place] ^= 1;
        refused(&changed);
    }
    refused(&[0xff; 9_000]);
}

#[test]
fn a_key_file_that_others_can_read_is_refused_with_the_command_that_helps() {
    let (_dir, path, _) = made();
    for mode in [0o640, 0o604, 0o666] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let said = Keys::load(&path).unwrap_err().to_string();
        assert!(said.contains("chmod 600"), "{said}");
    }
}

#[test]
fn what_is_signed_is_signed_by_the_right_key_and_no_secret_is_shown() {
    let (_dir, path, keys) = made();
    let federation = protocol::ids::FederationId::new([1; 32]);
    let job = protocol::ids::JobId::new([2; 32]);
    let seal = Seal {
        federation,
        bundle: protocol::ids::BundleId { job, index: 0 },
        peer: keys.node(),
        hash: Digest::of(b""),
    };
    let seal = keys.sign_seal(seal);
    assert_eq!(seal.claimed_key().bytes(), keys.node().bytes());
    assert!(seal.check().is_ok());
    let shown = format!("{keys:?}");
    let text = fs::read_to_string(path).unwrap();
    let secrets = text.lines().skip(1).filter_map(|line| line.split_once(' '));
    assert!(
        secrets
            .map(|(_, secret)| secret)
            .all(|secret| !shown.contains(secret))
    );
}

#[test]
fn a_next_voting_key_lies_beside_the_old_one_until_it_votes_and_both_sign() {
    let (_dir, path, keys) = made();
    let old = keys.consensus();
    let first = Keys::prepare_next(&path, old).unwrap();
    let again = Keys::prepare_next(&path, old).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    let federation = FederationId::new([1; 32]);
    assert!(keys.sign_rotation(federation).is_none());
    let rotation = first.sign_rotation(federation);
    assert_eq!(
        rotation,
        again.sign_rotation(federation),
        "tried again, it is the same"
    );
    let Some(VoterRequest::Rotate {
        rotation,
        by_old,
        by_new,
    }) = rotation
    else {
        panic!("a rotation")
    };
    assert_eq!((rotation.member, rotation.old), (keys.party(), old));
    assert!(rotation.is_signed(old, by_old) && rotation.is_signed(rotation.new, by_new));
    let loaded = Keys::load(&path).unwrap();
    assert_eq!(
        (loaded.node(), loaded.consensus_keys().len()),
        (keys.node(), 2)
    );
    let later = Keys::prepare_next(&path, rotation.new).unwrap();
    assert_eq!(later.consensus(), rotation.new, "it votes now");
    assert_ne!(
        later.sign_rotation(federation),
        first.sign_rotation(federation)
    );
    let whole = fs::read(&path).unwrap();
    for place in 0..whole.len() - 1 {
        let mut changed = whole.clone();
        changed[place] ^= 1;
        fs::write(&path, changed).unwrap();
        assert!(matches!(Keys::load(&path), Err(KeyError::Damaged { .. })));
    }
}
