//! The numbers by which WASI preview 1 says no to a guest, as far as this host says them.

/// A refusal that a guest sees as a call's return value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Errno {
    /// No such descriptor, or one not open for this.
    Badf = 8,
    /// It is there already.
    Exist = 20,
    /// A pointer leaves the guest's memory.
    Fault = 21,
    /// An argument makes no sense.
    Inval = 28,
    /// A file was needed.
    Isdir = 31,
    /// Too many descriptors.
    Mfile = 33,
    /// A name is too long.
    NameTooLong = 37,
    /// No such file or directory.
    Noent = 44,
    /// A directory listing would take too much memory.
    Nomem = 48,
    /// No such call in this world.
    Nosys = 52,
    /// A directory was needed.
    Notdir = 54,
    /// The directory is not empty.
    Notempty = 55,
    /// Not a socket: there are none.
    Notsock = 57,
    /// Links and times are not kept.
    Notsup = 58,
    /// Inputs cannot be changed.
    Rofs = 69,
    /// A stream has no position.
    Spipe = 70,
    /// The path leaves its folder.
    Notcapable = 76,
}
