//! Runs a command where actors can live, and ends that in order.

use std::time::Duration;

use crate::files;

/// For voices that are being loaded when the process ends: ONNX Runtime does not bear its end in the middle of that.
const LAST_READS: Duration = Duration::from_secs(5);

/// Runs `work` where actors can live.
pub fn in_system<T>(work: impl Future<Output = T>) -> T {
    let system = actix::System::new();
    let result = system.block_on(async {
        let result = work.await;
        // Actors that were only just started begin before their system ends: they set timers when they do.
        tokio::task::yield_now().await;
        result
    });
    files::finish(LAST_READS);
    // Dropping it would wait for each of its blocking threads, and one that reads from a disk that hangs never ends.
    std::mem::forget(system);
    result
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn the_end_waits_for_no_thread_that_hangs() {
        let (_gate, shut) = mpsc::channel::<()>();
        let (ended, end) = mpsc::channel();

        std::thread::spawn(move || {
            let hangs = async { drop(tokio::task::spawn_blocking(move || shut.recv())) };
            in_system(hangs);
            ended.send(()).unwrap();
        });

        assert!(end.recv_timeout(Duration::from_mins(1)).is_ok());
    }
}
