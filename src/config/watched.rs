//! Owns reading small files that are read again while the service runs, and may be being written at that moment.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use crate::files;

/// Until a file that may be being written is looked at again, and how often it is.
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);
const LOOKS: usize = 10;

/// The text of a file of up to `max_bytes`.
pub fn read(path: &Path, max_bytes: u64) -> io::Result<String> {
    String::from_utf8(files::read(path, max_bytes)?).map_err(|_| ErrorKind::InvalidData.into())
}

/// The same of a file that may be being written at this moment: it counts when it is the same twice, and not empty.
/// `None`: it stays empty. Takes file accesses and waits between them: not for an async thread.
pub fn read_settled(path: &Path, max_bytes: u64) -> io::Result<Option<String>> {
    settled(|| read(path, max_bytes), || std::thread::sleep(BETWEEN_LOOKS))
}

fn settled(mut look: impl FnMut() -> io::Result<String>, wait: impl Fn()) -> io::Result<Option<String>> {
    let mut text = look();
    for _ in 1..LOOKS {
        wait();
        let now = look();
        if matches!((&text, &now), (Ok(before), Ok(now)) if before == now && !now.trim().is_empty()) {
            return now.map(Some);
        }
        text = now;
    }
    text.map(|text| Some(text).filter(|text| !text.trim().is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_being_written_counts_when_it_is_whole() {
        let mut looks = ["", "half", "whole", "whole", "not looked at"].into_iter();

        let text = settled(|| Ok(looks.next().unwrap().to_owned()), || {}).unwrap();

        assert_eq!((text.as_deref(), looks.len()), (Some("whole"), 1));
    }
}
