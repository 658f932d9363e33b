//! The phonemizer's child processes: what kills, stops or never starts one.

use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use piper_phonemize::{EspeakError, EspeakPool, EspeakSettings};
use tempfile::TempDir;

use crate::support::{espeak_settings, until};

const TEXT: &str = "The kettle is on.";
/// 200 times, it ends espeak-ng with a signal in most processes: that depends on where a process has its memory.
const CRASHING: &str = "x.";

/// Settings whose children can be told from those of other tests: by a data folder of their own name.
fn recognisable(processes: usize) -> (TempDir, EspeakSettings) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("espeak-ng-data");
    let settings = espeak_settings(processes);
    symlink(&settings.data, &data).unwrap();
    (folder, EspeakSettings { data, ..settings })
}

/// Children of this process that were started with `settings`. One that has died has no command line.
fn children(settings: &EspeakSettings) -> Vec<Pid> {
    with_parents(settings).into_iter().filter(|(_, parent)| *parent == Pid::this()).map(|(id, _)| id).collect()
}

/// Those children's children: processes with a language set.
fn language_processes(settings: &EspeakSettings) -> Vec<Pid> {
    let children = children(settings);
    with_parents(settings).into_iter().filter(|(_, parent)| children.contains(parent)).map(|(id, _)| id).collect()
}

/// The forks of those, which wait for a text.
fn waiting_forks(settings: &EspeakSettings) -> Vec<Pid> {
    let processes = language_processes(settings);
    with_parents(settings).into_iter().filter(|(_, parent)| processes.contains(parent)).map(|(id, _)| id).collect()
}

/// Every process that goes back to `settings`, with its parent. Forks have the command line of what they are forks of.
fn with_parents(settings: &EspeakSettings) -> Vec<(Pid, Pid)> {
    let data = settings.data.to_str().unwrap();
    let look = |process: PathBuf| {
        let id = process.file_name()?.to_str()?.parse().ok()?;
        let arguments = std::fs::read_to_string(process.join("cmdline")).ok()?;
        let status = std::fs::read_to_string(process.join("status")).ok()?;
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")?.trim().parse().ok())?;
        let is_ours = arguments.split('\0').any(|argument| argument == data);
        is_ours.then_some((Pid::from_raw(id), Pid::from_raw(parent)))
    };
    std::fs::read_dir("/proc").unwrap().filter_map(|entry| look(entry.unwrap().path())).collect()
}

fn send(signal: Signal, children: &[Pid]) {
    for &child in children {
        kill(child, signal).unwrap();
    }
}

#[tokio::test]
async fn killed_children_are_replaced_and_cost_no_text() {
    let (_folder, settings) = recognisable(2);
    let pool = EspeakPool::start(settings.clone()).await.unwrap();
    let expected = pool.clauses("en-us", TEXT.to_owned()).await.unwrap();

    for _ in 0..5 {
        let first = children(&settings);
        assert_eq!(first.len(), 2);
        send(Signal::SIGKILL, &first);
        until("the children are dead", || children(&settings).is_empty()).await;

        // Two at a time, so that each child is asked.
        let ask = || pool.clauses("en-us", TEXT.to_owned());
        let answers = tokio::join!(ask(), ask());

        assert_eq!(answers, (Ok(expected.clone()), Ok(expected.clone())));
        assert!(children(&settings).iter().all(|child| !first.contains(child)));
    }
}

#[tokio::test]
async fn a_text_whose_child_stands_still_is_done_by_another() {
    let (_folder, settings) = recognisable(1);
    let settings = EspeakSettings { timeout: Duration::from_secs(3), ..settings };
    let pool = EspeakPool::start(settings.clone()).await.unwrap();
    let expected = pool.clauses("en-us", TEXT.to_owned()).await.unwrap();
    // The child, the process of its language, and the fork that waits for a text.
    for stopped in [children, language_processes, waiting_forks] {
        let mut standing = Vec::new();
        until("there is one", || {
            standing = stopped(&settings);
            standing.len() == 1
        })
        .await;
        send(Signal::SIGSTOP, &standing);

        let answer = pool.clauses("en-us", TEXT.to_owned()).await;

        assert_eq!(answer.as_ref(), Ok(&expected));
        until("it is replaced", || !with_parents(&settings).iter().any(|(id, _)| standing.contains(id))).await;
    }
}

/// A pool of one child that says what `script` does: frames of a tag and no payload.
async fn scripted(folder: &TempDir, script: &str, timeout: Duration) -> EspeakPool {
    let program = folder.path().join("child");
    let frame = |tag: u8| format!("printf '\\{tag:03o}\\0\\0\\0\\0'\n");
    let (ready, done, crashed) = (frame(1), frame(3), frame(5));
    // A request has a head, the language with its end, the text.
    let request = format!("/usr/bin/head -c {} >/dev/null\n", 5 + "en-us\0".len() + TEXT.len());
    let script = format!("#!/bin/sh\n{ready}{script}\n")
        .replace("REQUEST;", &request)
        .replace("DONE;", &done)
        .replace("CRASHED;", &crashed);
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    EspeakPool::start(EspeakSettings { program, timeout, ..espeak_settings(1) }).await.unwrap()
}

#[tokio::test]
async fn only_a_text_that_crashes_twice_is_blamed() {
    let patient = Duration::from_secs(20);
    for (script, expected) in [
        ("REQUEST;CRASHED;REQUEST;CRASHED;REQUEST;DONE;", Err(EspeakError::Crashed)),
        ("REQUEST;CRASHED;REQUEST;DONE;", Ok(Vec::new())),
        ("REQUEST;exit", Err(EspeakError::Unavailable("its process was lost".to_owned()))),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let pool = scripted(&folder, script, patient).await;

        assert_eq!(pool.clauses("en-us", TEXT.to_owned()).await, expected, "{script}");
    }
}

#[tokio::test]
async fn a_text_for_which_every_child_stands_still_is_not_blamed() {
    let folder = tempfile::tempdir().unwrap();
    let pool = scripted(&folder, "exec /bin/sleep 60", Duration::from_secs(1)).await;

    assert_eq!(pool.clauses("en-us", TEXT.to_owned()).await, Err(EspeakError::TimedOut(1000)));
}

#[tokio::test]
async fn children_end_with_the_last_handle() {
    let (_folder, settings) = recognisable(3);
    let pool = EspeakPool::start(settings.clone()).await.unwrap();
    pool.clauses("en-us", TEXT.to_owned()).await.unwrap();
    let other = pool.clone();
    drop(pool);
    assert_eq!(children(&settings).len(), 3);

    drop(other);

    until("neither child nor fork lives", || with_parents(&settings).is_empty()).await;
}

#[tokio::test]
async fn the_forks_of_a_child_that_is_killed_end() {
    let (_folder, settings) = recognisable(1);
    let pool = EspeakPool::start(settings.clone()).await.unwrap();
    for language in ["en-us", "de", "fr"] {
        pool.clauses(language, TEXT.to_owned()).await.unwrap();
    }
    assert_eq!(language_processes(&settings).len(), 3);

    send(Signal::SIGKILL, &children(&settings));

    until("neither child nor fork lives", || with_parents(&settings).is_empty()).await;
}

#[tokio::test]
async fn a_fork_that_is_killed_while_it_waits_costs_no_text() {
    let (_folder, settings) = recognisable(1);
    let pool = EspeakPool::start(settings.clone()).await.unwrap();
    let expected = pool.clauses("en-us", TEXT.to_owned()).await.unwrap();
    let other = pool.clauses("en-us", "Tea is ready.".to_owned()).await.unwrap();

    for _ in 0..5 {
        let mut waiting = Vec::new();
        until("a fork waits", || {
            waiting = waiting_forks(&settings);
            waiting.len() == 1
        })
        .await;
        send(Signal::SIGKILL, &waiting);
        until("another one waits", || {
            let now = waiting_forks(&settings);
            now.len() == 1 && now != waiting
        })
        .await;

        assert_eq!(pool.clauses("en-us", TEXT.to_owned()).await.as_ref(), Ok(&expected));
        assert_eq!(pool.clauses("en-us", "Tea is ready.".to_owned()).await.as_ref(), Ok(&other));
    }
}

#[tokio::test]
async fn a_crash_costs_one_answer_and_no_process() {
    for _ in 0..50 {
        let (_folder, settings) = recognisable(1);
        let pool = EspeakPool::start(settings.clone()).await.unwrap();
        let expected = pool.clauses("en-us", TEXT.to_owned()).await;
        let processes = (children(&settings), language_processes(&settings));

        let answer = pool.clauses("en-us", CRASHING.repeat(200)).await;

        assert_eq!(pool.clauses("en-us", TEXT.to_owned()).await, expected);
        assert_eq!((children(&settings), language_processes(&settings)), processes);
        if answer == Err(EspeakError::Crashed) {
            return;
        }
    }
    panic!("espeak-ng never crashed");
}

#[tokio::test]
async fn a_killed_language_process_costs_no_text() {
    let (_folder, settings) = recognisable(1);
    let pool = EspeakPool::start(settings.clone()).await.unwrap();
    let expected = pool.clauses("en-us", TEXT.to_owned()).await;
    let killed = language_processes(&settings);

    send(Signal::SIGKILL, &killed);
    let answer = pool.clauses("en-us", TEXT.to_owned()).await;

    assert_eq!(killed.len(), 1);
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn the_languages_that_were_used_last_are_kept() {
    let (_folder, settings) = recognisable(1);
    let settings = EspeakSettings { languages: 2, ..settings };
    let pool = EspeakPool::start(settings.clone()).await.unwrap();
    let mut expected = Vec::new();
    let mut first = Vec::new();
    for language in ["en-us", "de", "en-us", "fr"] {
        expected.push(pool.clauses(language, TEXT.to_owned()).await);
        first.push(language_processes(&settings));
    }

    let again = [pool.clauses("en-us", TEXT.to_owned()).await, pool.clauses("de", TEXT.to_owned()).await];

    let counts: Vec<usize> = first.iter().map(Vec::len).collect();
    assert_eq!(counts, [1, 2, 2, 2]);
    assert!(first[3].contains(&first[0][0]), "English was used after German, and goes before it");
    assert_eq!(language_processes(&settings).len(), 2);
    assert_eq!(again.as_slice(), &expected[..2]);
}

#[tokio::test]
async fn parts_that_are_missing_are_named_at_the_start() {
    let nowhere = PathBuf::from("/nowhere/at/all");
    let with_library = EspeakSettings { library: nowhere.clone(), ..espeak_settings(1) };
    let with_data = EspeakSettings { data: nowhere.clone(), ..espeak_settings(1) };
    let with_program = EspeakSettings { program: nowhere, ..espeak_settings(1) };

    let message = async |settings| match EspeakPool::start(settings).await {
        Err(EspeakError::Unavailable(message)) => message,
        other => panic!("{other:?}"),
    };

    assert!(message(with_library).await.contains("/nowhere/at/all"));
    assert!(message(with_data).await.contains("data folder"));
    assert!(message(with_program).await.contains("No such file"));
}

#[tokio::test]
async fn a_language_that_espeak_lacks_is_an_error_and_the_child_goes_on() {
    let (_folder, settings) = recognisable(1);
    let pool = EspeakPool::start(settings.clone()).await.unwrap();
    let before = children(&settings);

    let unknown = pool.clauses("tlh-nowhere", TEXT.to_owned()).await;
    let known = pool.clauses("en-us", TEXT.to_owned()).await;

    assert_eq!(unknown, Err(EspeakError::UnknownLanguage("tlh-nowhere".to_owned())));
    assert!(known.is_ok());
    assert_eq!(children(&settings), before);
}
