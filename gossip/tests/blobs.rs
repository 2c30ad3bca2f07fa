//! Blobs between real peers on 127.0.0.1: whole and right, or not at all.

mod scene;

use gossip::FetchError;
use protocol::ids::Digest;
use scene::Scene;

const SIZE_MAX: u64 = 8 << 20;

fn noise(size: usize) -> Vec<u8> {
    (0..size).map(|n| n.to_le_bytes()[n % 3] ^ 0x5A).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_of_every_size_arrive_whole() {
    let mut scene = Scene::new();
    let (server, asker) = (scene.member(1).await, scene.worker(12).await);
    let folder = tempfile::tempdir().unwrap();
    let mib = 1 << 20;
    for size in [0, 1, 1_000, mib - 1, mib, mib + 1, 5 * mib, 5 * mib + 77] {
        let blob = noise(size);
        let digest = Digest::of(&blob);
        server.shelf.put(digest, blob.clone());
        let into = folder.path().join(size.to_string());
        let got = asker
            .handle
            .fetch(digest, &[server.id], SIZE_MAX, &into)
            .await
            .unwrap();
        assert_eq!(got, size as u64);
        assert!(std::fs::read(&into).unwrap() == blob, "{size} bytes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_source_is_found_out_and_the_next_one_is_used() {
    let mut scene = Scene::new();
    let (good, wrong) = (scene.member(1).await, scene.member(2).await);
    let (mut liar, mut asker) = (scene.worker(13).await, scene.worker(12).await);
    liar.sees(&good).await;
    asker.sees_all(&[good.id, wrong.id]).await;
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("blob");

    let blob = noise(5 << 20);
    let digest = Digest::of(&blob);
    let mut rotten = blob.clone();
    rotten[3 << 20] ^= 1;
    // One has a rotten copy and does not know; the other shows one blob and gives another.
    wrong.shelf.put(digest, rotten);
    liar.shelf.put(digest, blob.clone());
    liar.shelf.lie_about(digest);
    let nobody = scene::id(99);

    for sources in [
        &[wrong.id][..],
        &[liar.id],
        &[nobody],
        &[],
        &[wrong.id, liar.id, nobody],
    ] {
        let failed = asker.handle.fetch(digest, sources, SIZE_MAX, &into).await;
        let Err(FetchError::Nowhere { asked, .. }) = failed else {
            panic!("{failed:?}")
        };
        assert_eq!(asked, sources.len());
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            0,
            "nothing is left behind"
        );
    }
    good.shelf.put(digest, blob.clone());
    let small = asker.handle.fetch(digest, &[good.id], 1_000, &into).await;
    assert!(
        matches!(small, Err(FetchError::Nowhere { .. })),
        "larger than allowed"
    );
    let sources = [wrong.id, nobody, good.id];
    let size = asker
        .handle
        .fetch(digest, &sources, SIZE_MAX, &into)
        .await
        .unwrap();
    assert_eq!(size, 5 << 20);
    assert!(std::fs::read(&into).unwrap() == blob);

    let unreachable = folder.path().join("no such folder").join("blob");
    let disk = asker
        .handle
        .fetch(digest, &[good.id], SIZE_MAX, &unreachable)
        .await;
    assert!(matches!(disk, Err(FetchError::Disk { .. })));
}
