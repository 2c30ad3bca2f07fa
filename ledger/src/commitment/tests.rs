//! The root and its proofs.

use super::*;

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

fn put(tree: &mut Tree, rows: &mut Rows, changes: &[(Vec<u8>, Option<Vec<u8>>)]) -> Digest {
    let list = changes
        .iter()
        .map(|(key, value)| (&key[..], value.as_deref()));
    let growth = grow(tree, |key| rows.get(key).cloned(), list);
    tree.settle(&growth);
    for (key, value) in changes.iter().cloned().chain(growth.rows.clone()) {
        match value {
            Some(value) => rows.insert(key, value),
            None => rows.remove(&key),
        };
    }
    growth.root
}

fn row(number: u32, value: u8) -> (Vec<u8>, Option<Vec<u8>>) {
    (
        [&[0x10], &number.to_le_bytes()[..]].concat(),
        Some(vec![value; 9]),
    )
}

fn buckets(rows: &Rows) -> Vec<(Vec<u8>, Vec<u8>)> {
    rows.iter()
        .filter(|(key, _)| key[0] == BUCKET)
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}

#[test]
fn the_root_depends_on_the_rows_and_not_on_the_way_to_them() {
    let (mut one, mut one_rows) = (Tree::default(), Rows::new());
    let all: Vec<_> = (0..500).map(|n| row(n, 7)).collect();
    let at_once = put(&mut one, &mut one_rows, &all);
    let (mut two, mut two_rows) = (Tree::default(), Rows::new());
    for part in all.chunks(37).rev() {
        put(&mut two, &mut two_rows, part);
    }
    put(&mut two, &mut two_rows, &[row(3, 8), row(900, 1)]);
    let back = put(&mut two, &mut two_rows, &[row(3, 7), (row(900, 1).0, None)]);
    assert_eq!(at_once, back);
    assert_eq!(one_rows, two_rows);
    assert_eq!(
        Tree::above(buckets(&two_rows)).root(),
        at_once,
        "rebuilt from its rows"
    );
    assert_ne!(put(&mut two, &mut two_rows, &[row(3, 8)]), at_once);
    let removed: Vec<_> = all.into_iter().map(|(key, _)| (key, None)).collect();
    assert_eq!(
        put(&mut one, &mut one_rows, &removed),
        Tree::default().root()
    );
    assert!(one_rows.is_empty());
}

#[test]
fn rows_of_ours_are_not_covered() {
    let (mut tree, mut rows) = (Tree::default(), Rows::new());
    let ours = [
        (vec![0xF0, 1], Some(vec![1])),
        (vec![0x0F], Some(vec![2])),
        (vec![], None),
    ];
    assert_eq!(put(&mut tree, &mut rows, &ours), Tree::default().root());
}

#[test]
fn a_proof_shows_one_value_or_its_absence_under_one_root() {
    let (mut tree, mut rows) = (Tree::default(), Rows::new());
    let all: Vec<_> = (0..300).map(|n| row(n, 7)).collect();
    let root = put(&mut tree, &mut rows, &all);
    for number in [0, 17, 299] {
        let (key, value) = row(number, 7);
        let proof = tree.prove(&key, rows.get(&bucket_of(&key)[..]).cloned());
        assert_eq!(proof.check(&root, &key, value.as_deref()), Ok(()));
        assert_eq!(proof.check(&root, &key, None), Err(NotProven::OtherRow));
        assert_eq!(
            proof.check(&root, &key, Some(b"more")),
            Err(NotProven::OtherRow)
        );
        let other = Digest::of(b"another root");
        let wrong = proof.check(&other, &key, value.as_deref());
        assert_eq!(wrong, Err(NotProven::OtherState));
        let mut bent = proof.clone();
        bent.bucket[40] ^= 1;
        assert!(bent.check(&root, &key, value.as_deref()).is_err());
        bent.bucket.pop();
        assert_eq!(
            bent.check(&root, &key, value.as_deref()),
            Err(NotProven::Shape)
        );
    }
    let absent = row(301, 0).0;
    let proof = tree.prove(&absent, rows.get(&bucket_of(&absent)[..]).cloned());
    assert_eq!(proof.check(&root, &absent, None), Ok(()));
    let elsewhere = row(17, 7).0;
    assert!(
        proof.check(&root, &elsewhere, None).is_err(),
        "it is about one key only"
    );
}
