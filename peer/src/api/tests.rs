//! The API over a real socket: a client, strangers, and a driver that answers with samples.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use protocol::ids::Digest;
use protocol::job::{Job, Profile};
use protocol::outcome::{Status, TaskOutput};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc;

use super::door::{self, REQUESTS_MAX, Request};
use super::problem::{Code, Problem};
use super::types::{
    ArrayForm, BlobForm, Done, Id, JobForm, JobView, LimitsForm, List, Money, News, SubmittedView,
    UnknownImportsForm,
};
use super::{Client, Server, ServerError};
use crate::blobs::Blobs;
use crate::show::samples;

struct Town {
    dir: TempDir,
    socket: PathBuf,
    blobs: Arc<Blobs>,
    server: Server,
    client: Client,
    /// Jobs that reached the driver.
    submitted: mpsc::Receiver<Job>,
}

fn town() -> Town {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("api.sock");
    let blobs = Arc::new(Blobs::open(&dir.path().join("blobs")).unwrap());
    let (door, asked) = door::door();
    let (report, submitted) = mpsc::channel(8);
    let server = Server::start(&socket, door, Arc::clone(&blobs)).unwrap();
    tokio::spawn(drive(asked, report));
    let client = Client::new(&socket);
    Town {
        dir,
        socket,
        blobs,
        server,
        client,
        submitted,
    }
}

async fn drive(mut asked: mpsc::Receiver<Request>, report: mpsc::Sender<Job>) {
    while let Some(request) = asked.recv().await {
        match request {
            Request::Jobs { reply } => reply.give(Ok(vec![samples::job(1)].into())),
            Request::Job { job, reply } => reply.give(match job == samples::job(1).id.0 {
                true => Ok(samples::job(1)),
                false => Err(Problem::new(Code::NotFound, "there is no such job")),
            }),
            Request::Submit { job, reply, .. } => {
                report.send(*job).await.unwrap();
                reply.give(Ok(SubmittedView {
                    job: samples::job(1).id,
                    name: "x".to_owned(),
                    tasks: 1,
                    bundles: 1,
                    copies: 2,
                    per_gfuel: Money::default(),
                    escrow: Money::default(),
                    peers: 3,
                }));
            }
            Request::Watch { reply, .. } => {
                let (news, follow) = mpsc::channel(8);
                let (job, task) = (samples::job(1), samples::task(7, Status::Exited(0)));
                news.try_send(News::Job {
                    job: Box::new(job.clone()),
                })
                .unwrap();
                news.try_send(News::Task {
                    task: Box::new(task),
                })
                .unwrap();
                news.try_send(News::Ended { job: Box::new(job) }).unwrap();
                reply.give(Ok(follow));
            }
            Request::Down { reply } => {
                reply.give(Ok(Done {}));
                return;
            }
            other => drop(other),
        }
    }
}

/// `(module (memory (export "memory") 1) (func (export "_start")))`
const MODULE: &[u8] = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x05\x03\x01\0\x01\
    \x07\x13\x02\x06memory\x02\0\x06_start\0\0\x0a\x04\x01\x02\0\x0b";

fn form(module: BlobForm) -> JobForm {
    JobForm {
        name: "x".to_owned(),
        module,
        unknown_imports: UnknownImportsForm::Refuse,
        gpu: None,
        gpu_calls: false,
        args: vec!["-v".to_owned()],
        env: Vec::new(),
        stdin: None,
        inputs: Vec::new(),
        array: ArrayForm {
            first: 0,
            step: 1,
            count: 1,
        },
        limits: LimitsForm {
            fuel: 1,
            memory: 1,
            output: 1,
            output_files: 1,
            wall_ms: 1,
        },
        seed: None,
        class: None,
        copies: Some(2),
        tasks_per_bundle: None,
        per_gfuel: None,
        budget: Some(Money(protocol::units::Credits::new(7))),
        seal_window_ms: None,
        purse: None,
        canaries: false,
    }
}

async fn raw(socket: &PathBuf, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(socket).await.unwrap();
    // The server may hang up on nonsense before it has read all of it.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    let _ = tokio::time::timeout(Duration::from_secs(30), read).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_client_hears_what_the_driver_says() {
    let town = town();
    let jobs: List<JobView> = town.client.get("/jobs").await.unwrap();
    assert_eq!(jobs.items, [samples::job(1)]);
    let id = samples::job(1).id.full();
    let job: JobView = town.client.get(&format!("/jobs/{id}")).await.unwrap();
    assert_eq!(job, samples::job(1));
    let other = samples::job(2).id.full();
    let none = town
        .client
        .get::<JobView>(&format!("/jobs/{other}"))
        .await
        .unwrap_err();
    assert_eq!(
        (none.code, none.title.as_str()),
        (Code::NotFound, "there is no such job")
    );

    let text = raw(
        &town.socket,
        b"GET /api/v1/jobs HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    );
    let text = text.await;
    for part in [
        "200 OK",
        r#""kind":"peer.v1.JobList""#,
        r#""unit":"micro-credit""#,
        r#""paid":"410000""#,
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[tokio::test]
async fn a_job_is_handed_in_once_all_of_it_is_here() {
    let mut town = town();
    let module = BlobForm {
        digest: Id(Digest::of(MODULE)),
        size: MODULE.len() as u64,
    };
    let post = async |form: &JobForm| town.client.post::<SubmittedView>("/jobs", form).await;
    let missing = post(&form(module)).await.unwrap_err();
    assert_eq!(missing.code, Code::Usage);
    assert_eq!(town.client.keep(MODULE.to_vec()).await.unwrap(), module);
    let lie = BlobForm {
        size: module.size + 1,
        ..module
    };
    assert_eq!(post(&form(lie)).await.unwrap_err().code, Code::Usage);
    let mut endless = form(module);
    endless.limits.fuel = u64::MAX;
    assert_eq!(post(&endless).await.unwrap_err().code, Code::Usage);
    let mut classless = form(module);
    classless.class = Some("first".to_owned());
    assert_eq!(post(&classless).await.unwrap_err().code, Code::Usage);

    let noise = town.client.keep(b"\0asm".to_vec()).await.unwrap();
    let refused = post(&form(noise)).await.unwrap_err();
    assert_eq!(refused.code, Code::Usage);
    assert!(
        refused
            .to_string()
            .contains("not a valid WebAssembly module"),
        "{refused}"
    );

    assert_eq!(post(&form(module)).await.unwrap().peers, 3);
    let job = town.submitted.recv().await.unwrap();
    assert_eq!(
        (job.module.digest, job.args),
        (module.digest.0, vec!["-v".to_owned()])
    );
    assert_eq!(
        job.seed, module.digest.0,
        "the module's digest is the seed if none is named"
    );
}

#[tokio::test]
async fn outputs_travel_by_digest_and_a_damaged_one_is_absent() {
    let town = town();
    let output = TaskOutput {
        profile: Profile::WASM_3,
        status: Status::Exited(0),
        stdout: vec![7; 300_000],
        stderr: Vec::new(),
        files: vec![("a/b".to_owned(), b"c".to_vec())],
        steps: None,
    };
    let digest = town.blobs.keep(&output.to_bytes()).unwrap();
    assert_eq!(town.client.output(&digest).await.unwrap(), output);

    let no_output = town.blobs.keep(b"not an output").unwrap();
    assert_eq!(
        town.client.output(&no_output).await.unwrap_err().code,
        Code::Bug
    );
    let nowhere = Digest::of(b"nowhere");
    assert_eq!(
        town.client.output(&nowhere).await.unwrap_err().code,
        Code::NotFound
    );
    let (path, _) = town.blobs.path(&digest).unwrap().unwrap();
    fs::write(path, b"damaged after it was checked").unwrap();
    assert!(
        town.client.output(&digest).await.is_err(),
        "the client checks as well"
    );
}

#[tokio::test]
async fn a_followed_job_ends_with_its_end() {
    let town = town();
    let mut watch = town.client.watch(&samples::job(1).id.0).await.unwrap();
    let mut heard = Vec::new();
    while let Some(news) = watch.next().await.unwrap() {
        heard.push(news);
    }
    assert!(matches!(
        &heard[..],
        [News::Job { .. }, News::Task { .. }, News::Ended { .. }]
    ));
}

#[tokio::test]
async fn strangers_bytes_are_harmless() {
    let town = town();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut noise = |len: usize| -> Vec<u8> {
        let mut bytes = Vec::with_capacity(len);
        for _ in 0..len {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.push(state.to_le_bytes()[3]);
        }
        bytes
    };
    for len in [0, 1, 7, 100, 5_000, 200_000] {
        raw(&town.socket, &noise(len)).await;
        let tail = noise(len);
        raw(
            &town.socket,
            &[b"GET /api/v1/jobs HTTP/1.1\r\n", &tail[..]].concat(),
        )
        .await;
        raw(
            &town.socket,
            &[
                b"POST /api/v1/jobs HTTP/1.1\r\nhost: x\r\ncontent-length: 999999\r\n\r\n",
                &tail[..],
            ]
            .concat(),
        )
        .await;
        raw(
            &town.socket,
            &[
                b"POST /api/v1/blobs HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n",
                &tail[..],
            ]
            .concat(),
        )
        .await;
    }
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(200_000));
    raw(&town.socket, long.as_bytes()).await;
    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(UnixStream::connect(&town.socket).await.unwrap());
    }
    let jobs: List<JobView> = town.client.get("/jobs").await.unwrap();
    assert_eq!(jobs.items.len(), 1, "it still answers");
    let parts = town.dir.path().join("blobs/parts");
    assert_eq!(
        fs::read_dir(parts).unwrap().count(),
        0,
        "a cut upload leaves nothing"
    );
}

#[tokio::test]
async fn every_no_is_a_problem_document() {
    let town = town();
    let jobs = "GET /api/v1/jobs";
    for (asked, more, status, code) in [
        ("GET /nothing", "", "404", "not-found"),
        ("DELETE /api/v1/jobs", "", "405", "usage"),
        ("GET /api/v1/jobs/job_%ff", "", "400", "usage"),
        ("GET /api/v1/jobs/job_x", "", "400", "usage"),
        ("GET /api/v1/wallet?party=me", "", "400", "usage"),
        ("GET /api/v1/wallet/history?limit=-1", "", "400", "usage"),
        ("GET /api/v1/disputes/1e9", "", "400", "usage"),
        ("POST /api/v1/jobs", "content-length: 0\r\n", "400", "usage"),
        (jobs, "origin: http://evil\r\n", "403", "not-allowed"),
        (jobs, "referer: http://evil\r\n", "403", "not-allowed"),
        ("GET /api/v1/nodes", "", "503", "unreachable"),
    ] {
        let request = format!("{asked} HTTP/1.1\r\nhost: x\r\n{more}connection: close\r\n\r\n");
        let text = raw(&town.socket, request.as_bytes()).await;
        let begins = format!("HTTP/1.1 {status}");
        assert!(text.starts_with(&begins), "{asked}: {text}");
        assert!(text.contains("application/problem+json"), "{asked}: {text}");
        let code = format!(r#""code":"{code}""#);
        assert!(text.contains(&code), "{asked}: {text}");
    }
}

#[tokio::test]
async fn a_driver_that_does_not_keep_up_is_busy_and_one_that_is_gone_stops() {
    let (door, asked) = door::door();
    let mut waiting = Vec::new();
    for _ in 0..REQUESTS_MAX {
        let door = door.clone();
        let patience = Duration::from_millis(50);
        waiting.push(tokio::spawn(async move {
            door.ask(|reply| Request::Jobs { reply }, patience).await
        }));
    }
    for asked in waiting {
        assert_eq!(asked.await.unwrap().unwrap_err().code, Code::Unreachable);
    }
    let ask = async || {
        door.ask(|reply| Request::Jobs { reply }, Duration::from_secs(60))
            .await
    };
    assert_eq!(ask().await.unwrap_err().code, Code::Busy);
    drop(asked);
    assert_eq!(ask().await.unwrap_err().code, Code::Unreachable);
}

#[tokio::test]
async fn the_socket_is_ours_alone_and_goes_with_the_server() {
    let town = town();
    let mode = fs::metadata(&town.socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let _: Done = town.client.post("/down", &Done {}).await.unwrap();
    town.server.stop().await;
    assert!(!town.socket.exists());
    let gone = town.client.get::<List<JobView>>("/jobs").await.unwrap_err();
    assert_eq!(gone.code, Code::Unreachable);
    assert!(gone.fix.is_some_and(|fix| fix.contains("peer up")));

    // A dead peer's socket is replaced; anything else is left alone.
    drop(std::os::unix::net::UnixListener::bind(&town.socket).unwrap());
    let start = || Server::start(&town.socket, door::door().0, Arc::clone(&town.blobs));
    drop(start().unwrap());
    fs::write(&town.socket, "mine").unwrap();
    assert!(matches!(start(), Err(ServerError::Occupied { .. })));
    assert_eq!(fs::read(&town.socket).unwrap(), b"mine");
}
