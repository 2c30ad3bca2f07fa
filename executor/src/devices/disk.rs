//! Disks: how much room there is, which the standard library does not tell.

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// How many bytes this user may still write where the path lies.
///
/// # Errors
/// If there is no such path, or the system does not tell.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let mut found = MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: the path ends with a zero, and `found` is as large as the call needs and all zeros,
    // which is a value of it.
    #[allow(unsafe_code)]
    let (answer, found) = unsafe {
        let answer = libc::statvfs(path.as_ptr(), found.as_mut_ptr());
        (answer, found.assume_init())
    };
    match answer {
        0 => Ok(found.f_bavail.saturating_mul(found.f_frsize)),
        _ => Err(io::Error::last_os_error()),
    }
}
