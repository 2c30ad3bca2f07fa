//! What this machine is like now: battery, who is at it, what others do with its processors.
//!
//! Read from `/sys`, `/proc` and `/dev` under a root that is handed in. What a machine does not
//! tell is absent, and never an error: a machine without a battery has none. Workers are niced, so
//! what all others use is the kernel's count of unniced time. A terminal is touched when its device
//! is read; of a graphical session only what it makes the processors do is seen.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use protocol::units::{Bps, Millis, Moment};
use steward::owner::{Facts, WEEK};

/// The shares of two readings closer to each other than so many of the kernel's ticks mean little.
const TICKS_MIN: u64 = 50;
const MINUTE: u64 = 60_000;
/// 1970 began on a Thursday.
const FIRST_DAY: u64 = 3 * 24 * 60;

/// Reads facts, and remembers what the processors had done when it last did.
#[derive(Debug)]
pub struct Reader {
    root: PathBuf,
    /// How far the owner's clock is ahead of UTC, in minutes.
    offset: i64,
    /// All ticks of all processors, and those that others used.
    last: Option<(u64, u64)>,
    others: Option<Bps>,
}

impl Reader {
    /// A reader of the machine under this root.
    pub fn new(root: PathBuf, offset: i64) -> Self {
        Self {
            root,
            offset,
            last: None,
            others: None,
        }
    }

    /// The facts at this moment of this machine's clock.
    pub fn read(&mut self, now: Moment) -> Facts {
        self.count();
        Facts {
            minute: minute(now, self.offset),
            untouched: untouched(&self.root.join("dev"), now),
            others: self.others,
            on_battery: on_battery(&self.root.join("sys/class/power_supply")),
        }
    }

    fn count(&mut self) {
        let Some((all, others)) = ticks(&self.root.join("proc/stat")) else {
            return;
        };
        let (before, others_before) = *self.last.get_or_insert((all, others));
        let (passed, used) = (
            all.saturating_sub(before),
            others.saturating_sub(others_before),
        );
        if passed < TICKS_MIN {
            return;
        }
        self.last = Some((all, others));
        let share = used.min(passed).saturating_mul(10_000) / passed;
        self.others = Some(Bps::new(u32::try_from(share).unwrap_or(u32::MAX)));
    }
}

/// The minute of the week, by a clock so many minutes ahead of UTC.
fn minute(now: Moment, offset: i64) -> u16 {
    let week = u64::from(WEEK);
    let minutes = (now.ms() / MINUTE).saturating_add_signed(offset);
    u16::try_from((minutes + FIRST_DAY) % week).unwrap_or(0)
}

/// All ticks since the start, and those of unniced work.
fn ticks(stat: &Path) -> Option<(u64, u64)> {
    let text = fs::read_to_string(stat).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let fields: Result<Vec<u64>, _> = line.split_whitespace().map(str::parse).collect();
    // user, nice, system, idle, iowait, irq, softirq, steal; guests are within user.
    match fields.ok()?[..] {
        [user, nice, system, idle, wait, irq, soft, steal, ..] => {
            let others = user + system + irq + soft + steal;
            Some((others + nice + idle + wait, others))
        }
        _ => None,
    }
}

/// For how long nobody has read from a terminal.
fn untouched(dev: &Path, now: Moment) -> Option<Millis> {
    let is_console = |name: &str| {
        let number = name.strip_prefix("tty");
        number.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
    };
    let consoles = names(dev).filter(|name| is_console(name));
    let consoles = consoles.map(|name| dev.join(name));
    let pts = dev.join("pts");
    let terminals = names(&pts).filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    let terminals = terminals.map(|name| pts.join(name));
    let touched = consoles.chain(terminals).filter_map(|path| {
        let at = fs::metadata(path).ok()?.accessed().ok()?;
        at.duration_since(SystemTime::UNIX_EPOCH).ok()
    });
    let last = u64::try_from(touched.max()?.as_millis()).unwrap_or(u64::MAX);
    Some(now.since(Moment::new(last)))
}

/// Whether a battery of the machine itself is being emptied, and no plug says that it is in.
fn on_battery(supplies: &Path) -> bool {
    let read = |name: &str, what: &str| {
        let text = fs::read_to_string(supplies.join(name).join(what));
        text.unwrap_or_default().trim().to_owned()
    };
    let (mut plugged, mut emptied) = (false, false);
    for name in names(supplies) {
        match &*read(&name, "type") {
            // A mouse has a battery, too.
            "Battery" if read(&name, "scope") != "Device" => {
                emptied |= read(&name, "status") == "Discharging";
            }
            "Mains" | "USB" => plugged |= read(&name, "online") == "1",
            _ => {}
        }
    }
    emptied && !plugged
}

fn names(folder: &Path) -> impl Iterator<Item = String> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn a_machine_that_tells_nothing_is_no_error() {
        let root = tempfile::tempdir().unwrap();
        let facts = Reader::new(root.path().to_owned(), 0).read(Moment::new(0));
        let minute = u16::try_from(FIRST_DAY).unwrap();
        assert_eq!(
            facts,
            Facts {
                minute,
                ..Facts::default()
            }
        );
    }

    #[test]
    fn batteries_and_plugs() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let mut reader = Reader::new(root.to_owned(), 0);
        let mut on_battery = || reader.read(Moment::new(0)).on_battery;
        let supply = "sys/class/power_supply";
        put(root, &format!("{supply}/mouse/type"), "Battery\n");
        put(root, &format!("{supply}/mouse/scope"), "Device\n");
        put(root, &format!("{supply}/mouse/status"), "Discharging\n");
        assert!(!on_battery(), "a mouse");
        put(root, &format!("{supply}/BAT0/type"), "Battery\n");
        put(root, &format!("{supply}/BAT0/status"), "Discharging\n");
        assert!(on_battery());
        put(root, &format!("{supply}/AC/type"), "Mains\n");
        put(root, &format!("{supply}/AC/online"), "0\n");
        assert!(on_battery());
        put(root, &format!("{supply}/AC/online"), "1\n");
        assert!(!on_battery(), "a plug that gives less than is used");
        put(root, &format!("{supply}/AC/online"), "0\n");
        put(root, &format!("{supply}/BAT0/status"), "Charging\n");
        assert!(!on_battery());
    }

    #[test]
    fn others_are_who_is_not_niced() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let mut reader = Reader::new(root.to_owned(), 0);
        let mut others = |line: &str| {
            put(root, "proc/stat", &format!("{line}\ncpu0 1 2 3\n"));
            reader.read(Moment::new(0)).others.map(Bps::get)
        };
        assert_eq!(others("cpu  100 100 100 100 0 0 0 0 0 0"), None);
        assert_eq!(
            others("cpu  110 100 100 105 0 0 0 0 0 0"),
            None,
            "too soon to say"
        );
        // A hundred ticks later: 40 of them unniced, 50 niced.
        assert_eq!(others("cpu  120 150 120 110 0 0 0 0 0 0"), Some(4_000));
        assert_eq!(others("junk"), Some(4_000), "the last word stands");
        assert_eq!(others("cpu  120 150 120 1110 0 0 0 0 0 0"), Some(0));
    }

    #[test]
    fn a_terminal_that_was_just_read_is_touched_and_other_files_are_none() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let mut reader = Reader::new(root.to_owned(), 0);
        put(root, "dev/tty", "");
        put(root, "dev/ttyS0", "");
        put(root, "dev/pts/ptmx", "");
        let now = crate::driver::now();
        assert_eq!(reader.read(now).untouched, None);
        put(root, "dev/pts/3", "");
        let untouched = reader.read(crate::driver::now()).untouched.unwrap();
        assert!(untouched < Millis::new(60_000), "{untouched:?}");
        let later = crate::driver::now().after(Millis::new(3_600_000));
        assert!(reader.read(later).untouched.unwrap() >= Millis::new(3_500_000));
    }

    #[test]
    fn the_owners_week_begins_on_its_own_monday() {
        // 2026-11-21 20:00 UTC is a Saturday.
        let saturday = Moment::new(1_795_291_200_000);
        assert_eq!(minute(saturday, 0), 5 * 1_440 + 1_200);
        assert_eq!(minute(saturday, 300), 6 * 1_440 + 60);
        assert_eq!(minute(saturday, -60), 5 * 1_440 + 1_140);
    }
}
