//! What strangers throw at ports and sockets: bytes without sense, and words cut short.

use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

/// A peer lets go of a stranger who makes no sense, or says nothing, within this.
const LET_GO: Duration = Duration::from_secs(90);
/// What begins every libp2p connection.
const HELLO: &[u8] = b"\x13/multistream/1.0.0\n";

/// So many bytes, the same for the same `seed`.
pub(crate) fn bytes(count: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(0x9e37_79b9_7f4a_7c15);
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(count).collect()
}

/// What is thrown at a swarm's port.
pub(crate) fn for_a_port() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = [1, 3, 20, 512, 4_096, 65_536, 1 << 20]
        .into_iter()
        .map(|count| bytes(count, count as u64))
        .collect();
    let noise = b"\x07/noise\n";
    all.extend([
        b"GET / HTTP/1.1\r\nhost: x\r\n\r\n".to_vec(),
        vec![0xff; 4_096],
        vec![0; 4_096],
        [HELLO, &bytes(4_096, 1)].concat(),
        [HELLO, b"\xff\xff\xff\xff\x0f"].concat(),
        [HELLO, b"\x06/nope\n"].concat(),
        [HELLO, noise, &bytes(65_537, 2)].concat(),
        [HELLO, noise, b"\0\x20", &bytes(32, 3)].concat(),
        [HELLO, noise, b"\xff\xff", &bytes(100, 4)].concat(),
    ]);
    all
}

/// What is thrown at an API socket: the bytes, and how the answer begins, if there must be one.
pub(crate) fn for_a_socket() -> Vec<(Vec<u8>, &'static str)> {
    let ask = |head: &str, body: &[u8]| {
        let head = format!("{head} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
        let len = format!("content-length: {}\r\n\r\n", body.len());
        [head.as_bytes(), len.as_bytes(), body].concat()
    };
    let submit = "POST /api/v1/jobs";
    let mut all: Vec<(Vec<u8>, &str)> = [1, 100, 4_096, 100_000, 1 << 20]
        .into_iter()
        .map(|count| (bytes(count, count as u64), ""))
        .collect();
    all.extend([
        (ask(submit, b""), "HTTP/1.1 400"),
        (ask(submit, b"{\"name\":"), "HTTP/1.1 400"),
        (ask(submit, b"{\"name\":1,\"modul\":{}}"), "HTTP/1.1 400"),
        (ask(submit, &[b'['; 100_000]), "HTTP/1.1 400"),
        (ask(submit, &bytes(10_000, 5)), "HTTP/1.1 400"),
        (ask(submit, &vec![b' '; 9 << 20]), "HTTP/1.1 413"),
        (ask("GET /api/v1/nothing", b""), "HTTP/1.1 404"),
        (ask("GET /api/v1/jobs/%ff%00", b""), "HTTP/1.1 400"),
        (
            ask("GET /api/v1/jobs/job_zz/tasks?from=-1", b""),
            "HTTP/1.1 400",
        ),
        (ask("GET /api/v1/blobs/..%2f..%2fkeys", b""), "HTTP/1.1 400"),
        (
            ask("GET /api/v1/disputes/99999999999999999999", b""),
            "HTTP/1.1 400",
        ),
        (ask("DELETE /api/v1/jobs", b""), "HTTP/1.1 405"),
        (ask("POST /api/v1/status", b"{}"), "HTTP/1.1 405"),
        (ask(&format!("GET /{}", "a".repeat(100_000)), b""), ""),
        (
            b"POST /api/v1/jobs HTTP/1.1\r\nhost: x\r\ncontent-length: -7\r\n\r\n".to_vec(),
            "",
        ),
        (
            b"POST /api/v1/blobs HTTP/1.1\r\nhost: x\r\ncontent-length: 9999\r\n\r\ncut".to_vec(),
            "",
        ),
        (
            b"POST /api/v1/blobs HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"
                .to_vec(),
            "",
        ),
    ]);
    all
}

/// Throws `bytes` at a port, and waits until the peer there lets go.
pub(crate) async fn at_port(port: u16, bytes: &[u8]) {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let said = throw(stream, bytes, false).await;
    assert!(said.is_some(), "a port holds on to {} bytes", bytes.len());
}

/// Throws `bytes` at a socket and returns the answer.
pub(crate) async fn at_socket(socket: &Path, bytes: &[u8]) -> String {
    let stream = UnixStream::connect(socket).await.unwrap();
    let said = throw(stream, bytes, true).await;
    let said = said.unwrap_or_else(|| panic!("a socket holds on to {} bytes", bytes.len()));
    String::from_utf8_lossy(&said).into_owned()
}

async fn throw(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    bytes: &[u8],
    close: bool,
) -> Option<Vec<u8>> {
    // The other side may hang up before it has read all of it.
    let _ = timeout(LET_GO, stream.write_all(bytes)).await.ok()?;
    if close {
        let _ = stream.shutdown().await;
    }
    let mut said = Vec::new();
    let _ = timeout(LET_GO, stream.read_to_end(&mut said)).await.ok()?;
    Some(said)
}
