//! The memory that proofs and labels may use together, and who waits for it.
//!
//! ```text
//! |<------------------- memory_budget_bytes ------------------->|
//! |  a window's proof: kept free   |  labels, proofs of replicas |     sealing waits for room in its part;
//! |                                |                             |     a window is admitted wherever there is some
//! ```

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cairn_prover::circuits::{CircuitName, Circuits, proving_bytes};
use cairn_prover::params::ParamSet;

/// How often work that waits looks whether it was told to stop.
const LOOK: Duration = Duration::from_millis(100);

/// Who asks for memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// A proof with a deadline: a window or a challenge.
    Window,
    /// Labels, and proofs of replicas.
    Sealing,
}

/// Why memory is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// It would not fit if nothing else ran (the operator's to mend).
    #[error("{needed} bytes are needed, memory_budget_bytes leaves {most} at best")]
    Never {
        /// Bytes needed.
        needed: u64,
        /// What there is when nothing else runs.
        most: u64,
    },
    /// The work was told to stop while it waited.
    #[error("told to stop while waiting for memory")]
    Stopped,
}

/// What is given away. No I/O, no waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shares {
    budget: u64,
    /// Never given to sealing.
    kept: u64,
    windows: u64,
    sealing: u64,
}

impl Shares {
    /// What an asker can have when nothing else runs.
    const fn most(&self, asker: Asker) -> u64 {
        match asker {
            Asker::Window => self.budget,
            Asker::Sealing => self.budget.saturating_sub(self.kept),
        }
    }

    /// Whether there is room now.
    const fn has_room(&self, asker: Asker, bytes: u64) -> bool {
        let taken = self.windows.saturating_add(self.sealing);
        let fits = taken.saturating_add(bytes) <= self.budget;
        match asker {
            Asker::Window => fits,
            Asker::Sealing => fits && self.sealing.saturating_add(bytes) <= self.most(asker),
        }
    }

    const fn of(&mut self, asker: Asker) -> &mut u64 {
        match asker {
            Asker::Window => &mut self.windows,
            Asker::Sealing => &mut self.sealing,
        }
    }
}

/// The memory of a node's proofs and labels.
#[derive(Debug)]
pub struct MemoryBudget {
    shares: Mutex<Shares>,
    changed: Condvar,
    window_bytes: u64,
    replica_bytes: u64,
}

/// A share of the budget, given back when dropped.
#[derive(Debug)]
pub struct Share<'a> {
    budget: &'a MemoryBudget,
    asker: Asker,
    bytes: u64,
}

impl MemoryBudget {
    /// A budget of so many bytes for proofs of this set. Counts the constraints of two circuits: a second or two.
    ///
    /// # Errors
    /// [`NoRoom::Never`]: a window's proof does not fit, or, where `seals`, the proof of a replica beside it.
    pub fn for_set(budget: u64, set: &ParamSet, seals: bool) -> Result<Self, NoRoom> {
        let bytes_of = |name| {
            let size = Circuits::for_set(set).size(name);
            // A circuit of a built-in set is laid out in every test of the prover; one that is not could never be proven.
            size.map_or(u64::MAX, |size| proving_bytes(size.constraints))
        };
        let replica = if seals {
            bytes_of(CircuitName::Replica)
        } else {
            0
        };
        Self::new(budget, bytes_of(CircuitName::Spacetime), replica)
    }

    fn new(budget: u64, window_bytes: u64, replica_bytes: u64) -> Result<Self, NoRoom> {
        let shares = Shares {
            budget,
            kept: window_bytes,
            windows: 0,
            sealing: 0,
        };
        for (asker, needed) in [
            (Asker::Window, window_bytes),
            (Asker::Sealing, replica_bytes),
        ] {
            let most = shares.most(asker);
            if needed > most {
                return Err(NoRoom::Never { needed, most });
            }
        }
        Ok(Self {
            shares: Mutex::new(shares),
            changed: Condvar::new(),
            window_bytes,
            replica_bytes,
        })
    }

    fn shares(&self) -> MutexGuard<'_, Shares> {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of a window's proof.
    #[must_use]
    pub const fn window_bytes(&self) -> u64 {
        self.window_bytes
    }

    /// Bytes of the proof of one partition of a replica.
    #[must_use]
    pub const fn replica_bytes(&self) -> u64 {
        self.replica_bytes
    }

    /// What sealing can have when nothing else runs.
    #[must_use]
    pub fn most_for_sealing(&self) -> u64 {
        self.shares().most(Asker::Sealing)
    }

    /// Takes memory; waits for it, no longer than until `stopped` says so. `waits` is called once if it has to.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn take(
        &self,
        (asker, bytes): (Asker, u64),
        waits: impl FnOnce(),
        stopped: impl Fn() -> bool,
    ) -> Result<Share<'_>, NoRoom> {
        let mut shares = self.shares();
        let most = shares.most(asker);
        if bytes > most {
            return Err(NoRoom::Never {
                needed: bytes,
                most,
            });
        }
        if !shares.has_room(asker, bytes) {
            waits();
        }
        while !shares.has_room(asker, bytes) {
            if stopped() {
                return Err(NoRoom::Stopped);
            }
            let waited = self.changed.wait_timeout(shares, LOOK);
            shares = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        *shares.of(asker) += bytes;
        drop(shares);
        Ok(Share {
            budget: self,
            asker,
            bytes,
        })
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        *self.budget.shares().of(self.asker) -= self.bytes;
        self.budget.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use cairn_prover::params::TEST;

    use super::*;

    fn now<'a>(budget: &'a MemoryBudget, asker: Asker, bytes: u64) -> Result<Share<'a>, NoRoom> {
        budget.take((asker, bytes), || (), || true)
    }

    #[test]
    fn sealing_never_takes_what_a_window_needs() {
        let budget = MemoryBudget::new(100, 40, 30).unwrap();
        let labels = now(&budget, Asker::Sealing, 60).unwrap();
        assert_eq!(
            now(&budget, Asker::Sealing, 1).unwrap_err(),
            NoRoom::Stopped
        );
        let window = now(&budget, Asker::Window, 40).unwrap();
        assert_eq!(now(&budget, Asker::Window, 1).unwrap_err(), NoRoom::Stopped);
        drop(labels);
        let one = now(&budget, Asker::Sealing, 30).unwrap();
        let two = now(&budget, Asker::Sealing, 30).unwrap();
        drop((one, two, window));
        let left = *budget.shares();
        assert_eq!(left.sealing + left.windows, 0, "all is given back");
    }

    #[test]
    fn two_windows_take_from_sealing_what_it_does_not_use() {
        let budget = MemoryBudget::new(100, 40, 30).unwrap();
        let _windows = (
            now(&budget, Asker::Window, 40).unwrap(),
            now(&budget, Asker::Window, 40).unwrap(),
        );
        assert_eq!(
            now(&budget, Asker::Sealing, 30).unwrap_err(),
            NoRoom::Stopped
        );
        now(&budget, Asker::Sealing, 20).unwrap();
    }

    #[test]
    fn who_waits_goes_on_when_room_is_given_back() {
        let budget = MemoryBudget::new(100, 40, 60).unwrap();
        let first = now(&budget, Asker::Sealing, 60).unwrap();
        let (waits, waiting) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| {
                let note = move || waits.send(()).unwrap();
                budget.take((Asker::Sealing, 60), note, || false).map(drop)
            });
            waiting.recv().unwrap();
            drop(first);
            second.join().unwrap().unwrap();
        });
    }

    #[test]
    fn a_budget_that_can_never_hold_a_proof_is_refused() {
        let never = |needed, most| NoRoom::Never { needed, most };
        assert_eq!(
            MemoryBudget::new(39, 40, 0).unwrap_err(),
            never(40, 39),
            "a window"
        );
        assert_eq!(
            MemoryBudget::new(69, 40, 30).unwrap_err(),
            never(30, 29),
            "a replica"
        );
        let budget = MemoryBudget::new(70, 40, 30).unwrap();
        assert_eq!(
            now(&budget, Asker::Sealing, 31).unwrap_err(),
            never(31, 30),
            "labels"
        );
        assert!(
            MemoryBudget::for_set(1 << 20, &TEST, true).is_err(),
            "1 MiB"
        );
        let real = MemoryBudget::for_set(4 << 30, &TEST, true).unwrap();
        assert!(
            real.window_bytes() > 0 && real.replica_bytes() > 0,
            "{real:?}"
        );
    }
}
