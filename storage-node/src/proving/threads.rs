//! The threads that prove for the chain, apart from tokio's and from those that seal, and the gate that sealing passes.
//!
//! ```text
//! a window, a challenge: urgent --holds--> gate <--passes, unit by unit-- sealing and unsealing (threads of their own)
//! append, inclusion:     run
//! ```
//!
//! A unit is 4096 labels, a few chunks of a tree or a piece of a proof's sums: milliseconds to some tens of them. The longest
//! is a transform inside a proof of replication (docs/proving.md). While an urgent proof holds the gate whoever seals
//! parks at its next unit and leaves cores, caches and memory to the proof.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::proving::memory::{Asker, MemoryBudget};

/// How often work that is parked looks whether it was told to stop.
const LOOK: Duration = Duration::from_millis(100);

/// Where sealing waits while an urgent proof is made.
#[derive(Debug, Default)]
pub struct Gate {
    count: Mutex<Count>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Count {
    /// Urgent proofs being made.
    held: u64,
    /// Sealing threads that wait for them.
    parked: u64,
}

/// An urgent proof is being made as long as this lives.
#[derive(Debug)]
pub struct Held<'a>(&'a Gate);

impl Gate {
    fn count(&self) -> MutexGuard<'_, Count> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds the gate: what passes it waits until the result is dropped.
    pub fn hold(&self) -> Held<'_> {
        self.count().held += 1;
        Held(self)
    }

    /// Waits while anybody holds the gate, and no longer than until `stopped` says so.
    pub fn pass(&self, stopped: impl Fn() -> bool) {
        let mut count = self.count();
        if count.held == 0 {
            return;
        }
        count.parked += 1;
        self.changed.notify_all();
        while count.held > 0 && !stopped() {
            let waited = self.changed.wait_timeout(count, LOOK);
            count = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        count.parked -= 1;
    }

    /// How many wait at the gate.
    #[must_use]
    pub fn parked(&self) -> u64 {
        self.count().parked
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.count().held -= 1;
        self.0.changed.notify_all();
    }
}

/// The threads that prove for the chain.
#[derive(Debug)]
pub struct ProofThreads {
    threads: rayon::ThreadPool,
    gate: Gate,
    memory: MemoryBudget,
}

impl ProofThreads {
    /// So many threads, 0 means one for each core; proofs and labels take their memory out of `memory`.
    ///
    /// # Errors
    /// The system gives no threads.
    pub fn new(threads: usize, memory: MemoryBudget) -> Result<Self, rayon::ThreadPoolBuildError> {
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|number| format!("prove-{number}"))
            .build()?;
        Ok(Self {
            threads,
            gate: Gate::default(),
            memory,
        })
    }

    /// Makes a proof that has a deadline: sealing waits meanwhile. Blocks.
    pub fn urgent<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let _held = self.gate.hold();
        // Sealing is never given a window's room, so there is nothing to wait for but another urgent proof.
        let needed = (Asker::Window, self.memory.window_bytes());
        let _share = self.memory.take(
            needed,
            || tracing::info!("an urgent proof waits for memory"),
            || false,
        );
        self.threads.install(work)
    }

    /// Makes a proof that can wait; sealing goes on beside it. Blocks.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.threads.install(work)
    }

    /// The memory of proofs and labels.
    #[must_use]
    pub const fn memory(&self) -> &MemoryBudget {
        &self.memory
    }

    /// What sealing passes between its units.
    #[must_use]
    pub const fn gate(&self) -> &Gate {
        &self.gate
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    use cairn_merkle::Fr;
    use cairn_prover::params::SMALL;
    use cairn_prover::seal::{Keep, Labels, Progress, Watch};

    use super::*;

    /// Sealing that passes the gate after each unit; gives how many units it had done at the end.
    fn seal(gate: &Gate, units: &AtomicU64, stop: &AtomicBool, over: &AtomicBool) -> bool {
        let home = tempfile::tempdir().unwrap();
        let tell = |_: Progress| {
            units.fetch_add(1, Ordering::SeqCst);
            gate.pass(|| stop.load(Ordering::SeqCst));
        };
        let watch = Watch::new(&tell, stop);
        let mut labels =
            Labels::open(&SMALL, home.path(), Fr::from(5u64), Keep::All, watch).unwrap();
        let finished = labels.finish(watch).is_ok();
        over.store(true, Ordering::SeqCst);
        gate.changed.notify_all();
        finished
    }

    /// Returns once somebody is parked; fails if the work came to its end instead.
    fn wait_until_parked(gate: &Gate, over: &AtomicBool) {
        let mut count = gate.count();
        while count.parked == 0 {
            assert!(
                !over.load(Ordering::SeqCst),
                "sealing went through the gate"
            );
            count = gate.changed.wait_timeout(count, LOOK).unwrap().0;
        }
    }

    #[test]
    fn sealing_stops_at_its_next_unit_while_a_proof_is_made_and_goes_on_afterwards() {
        let (gate, units) = (Gate::default(), AtomicU64::new(0));
        let (stop, over) = (AtomicBool::new(false), AtomicBool::new(false));
        std::thread::scope(|scope| {
            let (first, second) = (gate.hold(), gate.hold());
            let sealing = scope.spawn(|| seal(&gate, &units, &stop, &over));
            wait_until_parked(&gate, &over);
            assert_eq!(units.load(Ordering::SeqCst), 1, "one unit, then it parked");
            drop(first);
            wait_until_parked(&gate, &over);
            assert_eq!(
                units.load(Ordering::SeqCst),
                1,
                "the second proof still runs"
            );
            drop(second);
            assert!(sealing.join().unwrap(), "all labels were made");
        });
        assert!(units.load(Ordering::SeqCst) > 1, "it went on");
        assert_eq!(gate.parked(), 0, "nobody is left");
    }

    #[test]
    fn work_that_is_told_to_stop_leaves_the_gate() {
        let (gate, units) = (Gate::default(), AtomicU64::new(0));
        let (stop, over) = (AtomicBool::new(false), AtomicBool::new(false));
        std::thread::scope(|scope| {
            let _held = gate.hold();
            let sealing = scope.spawn(|| seal(&gate, &units, &stop, &over));
            wait_until_parked(&gate, &over);
            stop.store(true, Ordering::SeqCst);
            assert!(
                !sealing.join().unwrap(),
                "it stopped although the gate is held"
            );
        });
        assert_eq!(units.load(Ordering::SeqCst), 1, "at its first unit");
    }

    #[test]
    fn an_urgent_proof_holds_the_gate_and_one_that_can_wait_does_not() {
        let memory = MemoryBudget::for_set(4 << 30, &SMALL, false).unwrap();
        let threads = ProofThreads::new(1, memory).unwrap();
        let held = || threads.gate().count().held;
        assert_eq!(threads.run(held), 0, "an append");
        assert_eq!(threads.urgent(held), 1, "a window");
        assert_eq!(held(), 0, "over");
    }

    #[test]
    fn an_urgent_proof_has_its_memory_as_long_as_it_is_made() {
        let memory = MemoryBudget::for_set(4 << 30, &SMALL, false).unwrap();
        let threads = ProofThreads::new(1, memory).unwrap();
        let (all, window) = (4 << 30, threads.memory().window_bytes());
        let is_left = |bytes| {
            let taken = threads
                .memory()
                .take((Asker::Window, bytes), || (), || true);
            taken.is_ok()
        };
        threads.urgent(|| {
            assert!(is_left(all - window), "the rest");
            assert!(!is_left(all - window + 1), "and no more");
        });
        assert!(is_left(all), "given back");
    }
}
