//! Killed at any moment, opened again: what was acknowledged is there, what was under way is done again.
//!
//! Each test starts itself once more as the process that is killed (`CAIRN_CRASH_FOLDER` says so).
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use cairn_merkle::ContentId;
use cairn_merkle::tree::Shape;
use cairn_storage_node::deal::{SectorState, SlotState};
use cairn_storage_node::error::StoreError;
use cairn_storage_node::sector::build;
use cairn_storage_node::store::{Ledger, Store, StoreOptions};
use support::{accept_all, bytes_of, plan_all, store_piece};

const FOLDER: &str = "CAIRN_CRASH_FOLDER";
const SECTOR_LOG2: u32 = 16;

/// Sizes through the log and through files, in turn.
fn length_of(number: u64) -> usize {
    [300_000, 1_500_000, 7_000, 4_000_000][usize::try_from(number % 4).unwrap()]
}

fn open(folder: &Path) -> Store {
    Store::open(folder, StoreOptions::default()).unwrap()
}

fn folder_of_child() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

fn say(line: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "\n{line}").unwrap();
    out.flush().unwrap();
}

fn start_child(test: &str, folder: &Path) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    (child, out)
}

/// Reads what the child says until `enough` lines beginning with `word` came; then kills it after `delay`, and reads on
/// to the end of what it had said by then. Gives the numbers behind the words.
fn kill_after(
    mut child: Child,
    out: BufReader<ChildStdout>,
    word: &str,
    enough: usize,
    delay: Duration,
) -> Vec<u64> {
    let mut numbers = Vec::new();
    let mut killed = false;
    for line in out.lines() {
        let Ok(line) = line else { break };
        if let Some(number) = line.strip_prefix(word) {
            numbers.push(number.trim().parse().unwrap());
        }
        if numbers.len() >= enough && !killed {
            std::thread::sleep(delay);
            child.kill().unwrap();
            killed = true;
        }
    }
    child.wait().unwrap();
    assert!(
        killed,
        "the child ended by itself after {} lines",
        numbers.len()
    );
    numbers
}

fn check_piece(store: &Store, number: u64) {
    let bytes = bytes_of(number, length_of(number));
    let read = store
        .read_piece(&ContentId::of(&bytes), 0, bytes.len())
        .unwrap();
    assert!(
        read == bytes,
        "piece {number} was acknowledged and must be whole"
    );
}

#[test]
fn a_node_killed_while_pieces_arrive_loses_none_that_was_acknowledged() {
    if let Some(folder) = folder_of_child() {
        let store = open(&folder);
        for number in 0.. {
            store_piece(&store, number, length_of(number)).unwrap();
            say(&format!("stored {number}"));
        }
    }
    for (enough, delay_ms) in [(1, 0), (5, 17)] {
        let folder = tempfile::tempdir().unwrap();
        let test = "a_node_killed_while_pieces_arrive_loses_none_that_was_acknowledged";
        let (child, out) = start_child(test, folder.path());
        let acknowledged = kill_after(
            child,
            out,
            "stored ",
            enough,
            Duration::from_millis(delay_ms),
        );
        let store = open(folder.path());
        for number in &acknowledged {
            check_piece(&store, *number);
        }
        let ledger = Ledger::load(store).unwrap();
        assert!(
            ledger.slots(|_| true).len() >= acknowledged.len(),
            "every slot is remembered"
        );
        let left = std::fs::read_dir(folder.path().join("incoming"))
            .unwrap()
            .count();
        assert_eq!(left, 0, "half-written files are swept");
    }
}

#[test]
fn a_node_killed_while_packing_packs_again_and_loses_nothing() {
    let test = "a_node_killed_while_packing_packs_again_and_loses_nothing";
    let shape = Shape::new(SECTOR_LOG2).unwrap();
    if let Some(folder) = folder_of_child() {
        let ledger = Ledger::load(open(&folder)).unwrap();
        for number in 0..8 {
            store_piece(ledger.store(), number, 200_000).unwrap();
        }
        drop(ledger);
        let ledger = Ledger::load(open(&folder)).unwrap();
        accept_all(&ledger);
        for (count, sector) in plan_all(&ledger, SECTOR_LOG2).into_iter().enumerate() {
            say(&format!("packing {count}"));
            build(&ledger, sector, shape, 5).unwrap();
        }
        say("all packed");
        std::thread::sleep(Duration::from_secs(60));
    }
    for delay_ms in [0, 9, 40] {
        let folder = tempfile::tempdir().unwrap();
        let (child, out) = start_child(test, folder.path());
        kill_after(child, out, "packing ", 1, Duration::from_millis(delay_ms));
        let ledger = Ledger::load(open(folder.path())).unwrap();
        for (sector, _) in ledger.sectors(|record| record.state == SectorState::Planned) {
            build(&ledger, sector, shape, 5).unwrap();
        }
        let packed = ledger.slots(|slot| matches!(slot.state, SlotState::Packed { .. }));
        assert_eq!(
            packed.len(),
            8,
            "all slots packed, killed after {delay_ms} ms"
        );
        for number in 0..8 {
            let bytes = bytes_of(number, 200_000);
            let read = ledger
                .store()
                .read_piece(&ContentId::of(&bytes), 0, bytes.len())
                .unwrap();
            assert!(read == bytes, "piece {number}, killed after {delay_ms} ms");
        }
    }
}

/// Stores pieces until the disk refuses; says what it got through.
fn fill_the_disk(folder: &Path) {
    let store = open(folder);
    for number in 0..200 {
        match store_piece(&store, number, length_of(number)) {
            Ok(_) => say(&format!("stored {number}")),
            Err(error @ StoreError::DiskFull { .. }) => {
                say(&format!("full {error}"));
                return;
            }
            Err(other) => panic!("another error than a full disk: {other}"),
        }
    }
    panic!("the disk took everything");
}

#[test]
fn a_full_disk_is_said_and_loses_nothing_that_was_acknowledged() {
    let test = "a_full_disk_is_said_and_loses_nothing_that_was_acknowledged";
    if let Some(folder) = folder_of_child() {
        return fill_the_disk(&folder);
    }
    let folder = tempfile::tempdir().unwrap();
    let exe = std::env::current_exe().unwrap();
    // No file beyond 2 MiB: what a quota or a full disk does to the write that crosses it, without any privilege.
    let script = format!(
        "trap '' XFSZ; ulimit -f 4096; exec '{}' --exact {test} --nocapture --test-threads=1",
        exe.display()
    );
    let output = Command::new("sh")
        .arg("-c")
        .arg(script)
        .env(FOLDER, folder.path())
        .stderr(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = text
        .lines()
        .find_map(|line| line.strip_prefix("full "))
        .unwrap_or_else(|| panic!("said: {text}"));
    assert!(
        said.contains("the disk is full") && said.contains("nothing acknowledged is lost"),
        "{said}"
    );
    let acknowledged: Vec<u64> = text
        .lines()
        .filter_map(|line| line.strip_prefix("stored ")?.trim().parse().ok())
        .collect();
    assert!(
        !acknowledged.is_empty(),
        "some pieces went through before: {text}"
    );
    let store = open(folder.path());
    for number in &acknowledged {
        check_piece(&store, *number);
    }
    store_piece(&store, 1_000, 1_500_000).unwrap();
}
