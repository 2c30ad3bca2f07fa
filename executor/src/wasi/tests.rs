//! The file calls, one after the other, as a guest's C library makes them.
#![allow(clippy::unwrap_used)]

use std::rc::Rc;
use std::sync::Arc;

use protocol::job::Limits;
use protocol::outcome::Limit;
use protocol::units::{Bytes, Fuel, Millis};

use super::errno::Errno;
use super::host::{End, Fail};
use super::{Call, Fixed, Host, Tree, World, descriptors, paths, transfer};

const IN: u32 = 3;
const OUT: u32 = 4;
const HERE: u32 = 5;
const READ: u64 = 1 << 1;
const WRITE: u64 = 1 << 6;
const CREATE: u32 = 1;
const DIRECTORY: u32 = 2;
const EXCLUSIVE: u32 = 4;
const TRUNCATE: u32 = 8;
const APPEND: u32 = 1;

/// A guest whose program is the test: it puts arguments into memory and calls.
struct Guest {
    memory: Vec<u8>,
    host: Host,
}

/// What a call gave: its errno, or the limit that ended the task.
type Gave<T> = Result<T, Result<Errno, Limit>>;

impl Guest {
    fn new(inputs: &[(&str, &[u8])]) -> Self {
        let inputs: Vec<_> = inputs
            .iter()
            .map(|(path, content)| {
                let mut file = tempfile::tempfile().unwrap();
                std::io::Write::write_all(&mut file, content).unwrap();
                let file = Fixed {
                    file: Arc::new(file),
                    size: content.len() as u64,
                };
                ((*path).to_owned(), file)
            })
            .collect();
        let limits = Limits {
            fuel: Fuel::new(1 << 40),
            memory: Bytes::new(1 << 20),
            output: Bytes::new(1_000),
            output_files: 4,
            wall_ms: Millis::new(1),
        };
        let (tree, folders) = Tree::new(&inputs);
        let world = World {
            args: Vec::new(),
            env: Vec::new(),
            stdin: None,
            tree,
            folders,
            limits,
        };
        let host = Host::new(
            &Rc::new(world),
            Vec::new(),
            blake3::Hasher::new().finalize_xof(),
            None,
        );
        Self {
            memory: vec![0; 65_536],
            host,
        }
    }

    fn call(&mut self, body: impl FnOnce(&mut Call<'_>) -> Result<(), Fail>) -> Gave<()> {
        let mut call = Call {
            memory: &mut self.memory,
            host: &mut self.host,
            fuel: 1 << 30,
        };
        body(&mut call).map_err(|fail| match fail {
            Fail::Errno(errno) => Ok(errno),
            Fail::End(End::Limit(limit)) => Err(limit),
            Fail::End(end) => panic!("{end}"),
        })
    }

    fn text(&mut self, at: usize, text: &str) -> u32 {
        self.memory[at..at + text.len()].copy_from_slice(text.as_bytes());
        u32::try_from(text.len()).unwrap()
    }

    fn word(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.memory[at..at + 4].try_into().unwrap())
    }

    fn open(&mut self, fd: u32, path: &str, how: u32, rights: u64, flags: u32) -> Gave<u32> {
        let len = self.text(0, path);
        self.call(|call| paths::open(call, fd, 0, 0, len, how, rights, 0, flags, 60_000))?;
        Ok(self.word(60_000))
    }

    fn on_path(
        &mut self,
        fd: u32,
        path: &str,
        body: fn(&mut Call<'_>, u32, u32, u32) -> Result<(), Fail>,
    ) -> Gave<()> {
        let len = self.text(0, path);
        self.call(|call| body(call, fd, 0, len))
    }

    fn rename(&mut self, from: (u32, &str), to: (u32, &str)) -> Gave<()> {
        let (len, new_len) = (self.text(0, from.1), self.text(5_000, to.1));
        self.call(|call| paths::rename(call, from.0, 0, len, to.0, 5_000, new_len))
    }

    fn part(&mut self, len: u32) {
        self.memory[50_000..50_004].copy_from_slice(&10_000_u32.to_le_bytes());
        self.memory[50_004..50_008].copy_from_slice(&len.to_le_bytes());
    }

    fn write(&mut self, fd: u32, text: &str) -> Gave<()> {
        let len = self.text(10_000, text);
        self.part(len);
        self.call(|call| transfer::write(call, fd, 50_000, 1, 60_000))
    }

    fn read(&mut self, fd: u32, len: u32) -> Gave<String> {
        self.part(len);
        self.call(|call| transfer::read(call, fd, 50_000, 1, 60_000))?;
        let got = self.word(60_000) as usize;
        Ok(String::from_utf8(self.memory[10_000..10_000 + got].to_vec()).unwrap())
    }

    fn seek(&mut self, fd: u32, offset: i64, whence: u32) -> Gave<()> {
        self.call(|call| descriptors::seek(call, fd, offset, whence, 60_000))
    }

    /// The names of a folder, read with a buffer of so many bytes, from this cookie on.
    fn list(&mut self, fd: u32, cookie: u64, room: u32) -> Gave<Vec<(u64, String)>> {
        self.call(|call| descriptors::readdir(call, fd, 20_000, room, cookie, 60_000))?;
        let mut rest = &self.memory[20_000..20_000 + self.word(60_000) as usize];
        let mut names = Vec::new();
        while rest.len() > 24 {
            let next = u64::from_le_bytes(rest[..8].try_into().unwrap());
            let len = u32::from_le_bytes(rest[16..20].try_into().unwrap()) as usize;
            let Some(name) = rest.get(24..24 + len) else {
                break;
            };
            names.push((next, String::from_utf8(name.to_vec()).unwrap()));
            rest = &rest[24 + len..];
        }
        Ok(names)
    }

    /// The name of a folder that the guest starts with.
    fn preopened(&mut self, fd: u32) -> String {
        self.call(|call| descriptors::prestat(call, fd, 60_000))
            .unwrap();
        let len = self.word(60_004);
        self.call(|call| descriptors::prestat_name(call, fd, 0, len))
            .unwrap();
        String::from_utf8(self.memory[..len as usize].to_vec()).unwrap()
    }

    fn files(mut self) -> Vec<(String, String)> {
        let outside = self.host.world.folders.outside;
        let files = self.host.tree.take(outside, 1_000).unwrap();
        files
            .into_iter()
            .map(|(path, content)| (path, String::from_utf8(content).unwrap()))
            .collect()
    }
}

fn no<T>(errno: Errno) -> Gave<T> {
    Err(Ok(errno))
}

#[test]
fn files_are_made_written_moved_and_removed() {
    let mut guest = Guest::new(&[]);
    guest.on_path(OUT, "d", paths::create_directory).unwrap();
    let fd = guest.open(HERE, "d/a", CREATE, READ | WRITE, 0).unwrap();
    assert_eq!(fd, 7);
    guest.write(fd, "hello world").unwrap();
    guest.seek(fd, -5, 2).unwrap();
    assert_eq!(guest.read(fd, 100), Ok("world".to_owned()));
    guest.seek(fd, 0, 0).unwrap();
    guest.write(fd, "J").unwrap();
    guest
        .call(|call| descriptors::set_size(call, fd, 5))
        .unwrap();
    let log = guest.open(OUT, "d/a", 0, WRITE, APPEND).unwrap();
    guest.write(log, "!").unwrap();
    assert_eq!(guest.read(log, 1), no(Errno::Badf));
    guest.rename((OUT, "d/a"), (OUT, "b")).unwrap();
    assert_eq!(guest.on_path(OUT, "d", paths::unlink), no(Errno::Isdir));
    guest.on_path(OUT, "d", paths::remove_directory).unwrap();
    assert_eq!(
        guest.open(OUT, "b", CREATE | EXCLUSIVE, WRITE, 0),
        no(Errno::Exist)
    );
    assert_eq!(guest.files(), [("b".to_owned(), "Jello!".to_owned())]);
}

#[test]
fn inputs_are_read_and_nothing_about_them_changes() {
    let mut guest = Guest::new(&[("a/b", b"input")]);
    let fd = guest.open(IN, "a/../a/./b", 0, READ, 0).unwrap();
    assert_eq!(guest.read(fd, 3), Ok("inp".to_owned()));
    assert_eq!(guest.read(fd, 3), Ok("ut".to_owned()));
    assert_eq!(guest.read(fd, 3), Ok(String::new()));
    for (how, rights) in [(0, WRITE), (TRUNCATE, READ)] {
        assert_eq!(guest.open(IN, "a/b", how, rights, 0), no(Errno::Rofs));
    }
    assert_eq!(guest.open(IN, "new", CREATE, WRITE, 0), no(Errno::Rofs));
    assert_eq!(guest.on_path(IN, "a/b", paths::unlink), no(Errno::Rofs));
    assert_eq!(
        guest.on_path(IN, "c", paths::create_directory),
        no(Errno::Rofs)
    );
    assert_eq!(guest.rename((IN, "a/b"), (OUT, "b")), no(Errno::Rofs));
    assert_eq!(guest.open(IN, "a/b/c", 0, READ, 0), no(Errno::Notdir));
    assert_eq!(guest.open(IN, "a/b/", 0, READ, 0), no(Errno::Notdir));
    assert_eq!(guest.open(IN, "a/b", DIRECTORY, READ, 0), no(Errno::Notdir));
}

#[test]
fn inputs_lie_where_they_were_put_and_scratch_is_no_output() {
    let inputs: &[(&str, &[u8])] = &[
        ("/share/ice/a.v", b"cells"),
        ("/usr/lib/b", b"library"),
        ("plain", b"data"),
    ];
    let mut guest = Guest::new(inputs);
    let names: Vec<String> = (3..9).map(|fd| guest.preopened(fd)).collect();
    assert_eq!(names, ["/in", "/out", ".", "/tmp", "/share", "/usr"]);
    for (fd, path, content) in [
        (3, "plain", "data"),
        (7, "ice/a.v", "cells"),
        (8, "lib/b", "library"),
    ] {
        let file = guest.open(fd, path, 0, READ, 0).unwrap();
        assert_eq!(guest.read(file, 20).unwrap(), content);
    }
    for folder in [3, 7, 8] {
        assert_eq!(guest.open(folder, "new", CREATE, WRITE, 0), no(Errno::Rofs));
    }
    for (fd, path) in [(5, "kept"), (6, "scratch")] {
        let file = guest.open(fd, path, CREATE, WRITE, 0).unwrap();
        guest.write(file, path).unwrap();
    }
    assert_eq!(
        guest.call(|call| descriptors::prestat(call, 9, 0)),
        no(Errno::Badf)
    );
    assert_eq!(guest.files(), [("kept".to_owned(), "kept".to_owned())]);
}

#[test]
fn no_path_leaves_its_folder() {
    let mut guest = Guest::new(&[("a/b", b"")]);
    for path in ["..", "../out", "a/../../out", "/etc/passwd", "/"] {
        assert_eq!(
            guest.open(IN, path, 0, READ, 0),
            no(Errno::Notcapable),
            "{path}"
        );
    }
    let folder = guest.open(IN, "a", DIRECTORY, READ, 0).unwrap();
    assert_eq!(
        guest.open(folder, "../a/b", 0, READ, 0),
        no(Errno::Notcapable)
    );
    let long = "n".repeat(256);
    assert_eq!(
        guest.open(OUT, &long, CREATE, WRITE, 0),
        no(Errno::NameTooLong)
    );
    assert_eq!(guest.open(OUT, "a\0b", CREATE, WRITE, 0), no(Errno::Inval));
}

#[test]
fn a_folder_cannot_be_moved_into_itself() {
    let mut guest = Guest::new(&[]);
    guest.on_path(OUT, "a", paths::create_directory).unwrap();
    guest.on_path(OUT, "a/b", paths::create_directory).unwrap();
    assert_eq!(guest.rename((OUT, "a"), (OUT, "a/b/c")), no(Errno::Inval));
    assert_eq!(guest.rename((OUT, "a"), (OUT, "a/b")), no(Errno::Inval));
    assert_eq!(guest.rename((OUT, "a/b"), (OUT, "a")), no(Errno::Notempty));
    assert_eq!(guest.rename((OUT, "."), (OUT, "a/c")), no(Errno::Inval));
    guest.rename((OUT, "a"), (OUT, "a")).unwrap();
    assert_eq!(
        guest.on_path(OUT, "a", paths::remove_directory),
        no(Errno::Notempty)
    );
}

#[test]
fn listings_are_sorted_and_removing_while_listing_skips_nothing() {
    let mut guest = Guest::new(&[]);
    for name in ["c", "a", "d", "b"] {
        let fd = guest.open(OUT, name, CREATE, WRITE, 0).unwrap();
        guest.call(|call| descriptors::close(call, fd)).unwrap();
    }
    let mut cookie = 0;
    let mut seen = Vec::new();
    loop {
        let names = guest.list(OUT, cookie, 60).unwrap();
        let Some((last, _)) = names.last() else { break };
        cookie = *last;
        for (_, name) in names {
            if name.len() == 1 && name != "." {
                guest.on_path(OUT, &name, paths::unlink).unwrap();
            }
            seen.push(name);
        }
    }
    assert_eq!(seen, [".", "..", "a", "b", "c", "d"]);
    assert!(guest.files().is_empty());
}

#[test]
fn output_is_bounded_in_bytes_and_files_and_removing_gives_back() {
    let mut guest = Guest::new(&[]);
    let full = "x".repeat(900);
    for _ in 0..20 {
        let fd = guest.open(OUT, "f", CREATE, WRITE, 0).unwrap();
        guest.write(fd, &full).unwrap();
        guest.on_path(OUT, "f", paths::unlink).unwrap();
        // Without a name it can still be written to, and still counts.
        assert_eq!(guest.write(fd, &full), Err(Err(Limit::Output)));
        guest.call(|call| descriptors::close(call, fd)).unwrap();
    }
    let fd = guest.open(OUT, "f", CREATE, WRITE, 0).unwrap();
    guest.seek(fd, 1 << 40, 0).unwrap();
    assert_eq!(guest.write(fd, "y"), Err(Err(Limit::Output)));
    guest.write(1, &full).unwrap();
    assert_eq!(guest.write(2, &full), Err(Err(Limit::Output)));
    for name in ["g", "h", "i"] {
        guest.on_path(OUT, name, paths::create_directory).unwrap();
    }
    assert_eq!(
        guest.on_path(OUT, "j", paths::create_directory),
        Err(Err(Limit::Output))
    );
    assert_eq!(guest.files(), [("f".to_owned(), String::new())]);
}
