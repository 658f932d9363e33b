//! Opening and reading files that somebody else may change or replace: within a bound, and without waiting for a pipe
//! that nobody writes to.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use bytes::Bytes;
use nix::fcntl::OFlag;

/// Large enough that the allocator gives each back to the system by itself.
const SEGMENT_BYTES: usize = 1 << 20;

/// Opens a regular file for reading.
///
/// # Errors
/// If it cannot be opened, or is a folder, a pipe or a device.
pub fn open(path: &Path) -> io::Result<File> {
    // Without the flag, opening a pipe waits for its writer. Of a regular file it changes nothing.
    let file = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    Ok(file)
}

/// The bytes of a regular file.
///
/// # Errors
/// As [`open`] has them; [`io::ErrorKind::FileTooLarge`] where there are more than `limit` bytes.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let length = file.metadata()?.len();
    if length > limit {
        return Err(too_large(limit));
    }
    let mut bytes = Vec::with_capacity(length as usize);
    // It may grow meanwhile.
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(too_large(limit)) } else { Ok(bytes) }
}

/// The bytes of a regular file in segments, so that what is read out of them may be let go of part by part.
///
/// # Errors
/// As [`read`] has them.
pub fn read_in_segments(path: &Path, limit: u64) -> io::Result<Vec<Bytes>> {
    let mut file = open(path)?;
    let (mut segments, mut length) = (Vec::new(), 0);
    loop {
        let mut segment = Vec::with_capacity(SEGMENT_BYTES);
        let read = (&mut file).take(SEGMENT_BYTES as u64).read_to_end(&mut segment)?;
        if read == 0 {
            return Ok(segments);
        }
        length += read as u64;
        if length > limit {
            return Err(too_large(limit));
        }
        segments.push(Bytes::from(segment));
    }
}

fn too_large(limit: u64) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {limit} bytes"))
}

#[cfg(test)]
mod tests {
    use nix::sys::stat::Mode;

    use super::*;

    #[test]
    fn a_file_within_the_limit_is_read_and_none_beyond_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "four").unwrap();

        assert_eq!(read(&path, 4).unwrap(), b"four");
        assert_eq!(read(&path, 3).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read_in_segments(&path, 4).unwrap().concat(), b"four");
        assert_eq!(read_in_segments(&path, 3).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read(&folder.path().join("b"), 3).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn segments_together_are_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let bytes: Vec<u8> = (0..2 * SEGMENT_BYTES + 7).map(|at| (at % 251) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();

        let segments = read_in_segments(&path, u64::MAX).unwrap();

        assert_eq!(segments.len(), 3);
        assert!(segments.concat() == bytes);
    }

    #[test]
    fn what_is_no_regular_file_is_an_error_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, Mode::S_IRWXU).unwrap();

        for path in [pipe.as_path(), folder.path(), Path::new("/dev/zero")] {
            assert_eq!(read(path, 10).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{}", path.display());
        }
    }
}
