//! How the peers did so far: who is asked first, and who no more.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cairn_wire::Address;

/// Why a node was of no use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerTrouble {
    /// Which provider.
    pub provider: Address,
    /// Whether it sent wrong bytes or words, as opposed to late ones or none. It is asked no more.
    pub lied: bool,
    /// What happened, first of all.
    pub reason: String,
    /// It has the piece and makes it readable: in about so many seconds, by its own word.
    pub wait_s: Option<u32>,
}

impl fmt::Display for PeerTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(wait_s) = self.wait_s {
            let provider = self.provider;
            return write!(
                f,
                "provider {provider} unseals its piece, available in about {wait_s} s"
            );
        }
        let verdict = if self.lied { "lied" } else { "failed" };
        write!(f, "provider {} {verdict}: {}", self.provider, self.reason)
    }
}

/// What is known about the peers of one read.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    peers: Mutex<HashMap<Address, Record>>,
    /// What was last told about a segment that waits: parts that came, pieces being unsealed.
    told: Mutex<HashMap<String, (usize, usize)>>,
}

#[derive(Debug, Default)]
struct Record {
    served: bool,
    strikes: u32,
    /// Smoothed time for an answer; zero until the first, so that everybody gets a try.
    time: Duration,
    trouble: Option<PeerTrouble>,
}

impl Standing {
    /// Verified bytes came after `time`.
    pub(crate) fn served(&self, provider: Address, time: Duration) {
        self.with(provider, |record| {
            record.served = true;
            record.strikes = record.strikes.saturating_sub(1);
            record.smooth(time);
        });
    }

    /// It was still busy when k others had answered: at least `time`.
    pub(crate) fn outrun(&self, provider: Address, time: Duration) {
        self.with(provider, |record| {
            if time > record.time {
                record.smooth(time);
            }
        });
    }

    /// It failed, or lied.
    pub(crate) fn failed(&self, provider: Address, lied: bool, reason: String) {
        self.note(PeerTrouble {
            provider,
            lied,
            reason,
            wait_s: None,
        });
    }

    /// It has the piece, only not readable yet.
    pub(crate) fn later(&self, provider: Address, wait_s: u32, reason: String) {
        self.note(PeerTrouble {
            provider,
            lied: false,
            reason,
            wait_s: Some(wait_s),
        });
    }

    fn note(&self, trouble: PeerTrouble) {
        self.with(trouble.provider, |record| {
            record.strikes = record.strikes.saturating_add(1);
            let known_lie = record.trouble.as_ref().is_some_and(|known| known.lied);
            if record.trouble.is_none() || (trouble.lied && !known_lie) {
                record.trouble = Some(trouble);
            }
        });
    }

    /// Whether it has lied.
    pub(crate) fn is_banned(&self, provider: Address) -> bool {
        self.with(provider, |record| {
            record.trouble.as_ref().is_some_and(|trouble| trouble.lied)
        })
    }

    /// What to sort by: those without failures first, then the quick ones.
    pub(crate) fn rank(&self, provider: Address) -> (u32, Duration) {
        self.with(provider, |record| (record.strikes, record.time))
    }

    /// What happened to a provider, if something did.
    pub(crate) fn trouble(&self, provider: Address) -> Option<PeerTrouble> {
        self.with(provider, |record| record.trouble.clone())
    }

    /// Whether a person was not told yet that `whole` waits in this state.
    pub(crate) fn is_news(&self, whole: &str, got: usize, unsealing: usize) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.insert(whole.to_owned(), (got, unsealing)) != Some((got, unsealing))
    }

    /// Everybody's troubles, and how many gave bytes that were used.
    pub(crate) fn summary(&self) -> (Vec<PeerTrouble>, usize) {
        let peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut troubles: Vec<PeerTrouble> = peers
            .values()
            .filter_map(|record| record.trouble.clone())
            .collect();
        troubles.sort_by_key(|trouble| trouble.provider);
        (
            troubles,
            peers.values().filter(|record| record.served).count(),
        )
    }

    fn with<T>(&self, provider: Address, act: impl FnOnce(&mut Record) -> T) -> T {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        act(peers.entry(provider).or_default())
    }
}

impl Record {
    fn smooth(&mut self, time: Duration) {
        self.time = if self.time.is_zero() {
            time
        } else {
            (self.time * 3 + time) / 4
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Address = Address([1; 20]);
    const B: Address = Address([2; 20]);

    #[test]
    fn failures_go_behind_slow_peers_and_slow_behind_quick() {
        let standing = Standing::default();
        standing.served(A, Duration::from_millis(10));
        standing.outrun(B, Duration::from_millis(500));
        assert!(standing.rank(A) < standing.rank(B), "quick before slow");
        standing.failed(A, false, "away".into());
        assert!(standing.rank(B) < standing.rank(A), "slow before failed");
        assert!(!standing.is_banned(A), "a failure may pass");
    }

    #[test]
    fn a_liar_is_banned_and_named_even_if_it_served_or_failed_before() {
        let standing = Standing::default();
        standing.served(A, Duration::from_millis(1));
        standing.failed(A, false, "away".into());
        standing.failed(A, true, "wrong bytes".into());
        standing.failed(A, false, "away again".into());
        assert!(standing.is_banned(A));
        let trouble = PeerTrouble {
            provider: A,
            lied: true,
            reason: "wrong bytes".into(),
            wait_s: None,
        };
        assert_eq!(standing.summary(), (vec![trouble], 1));
    }

    #[test]
    fn one_that_unseals_says_when_and_stands_behind_the_others() {
        let standing = Standing::default();
        standing.served(B, Duration::from_secs(5));
        standing.later(A, 90, "being unsealed".into());
        assert!(standing.rank(B) < standing.rank(A), "others come first");
        assert!(!standing.is_banned(A), "it did nothing wrong");
        let told = standing.trouble(A).map(|trouble| trouble.to_string());
        let expected = format!("provider {A} unseals its piece, available in about 90 s");
        assert_eq!(told, Some(expected), "for people");
    }

    #[test]
    fn being_outrun_never_makes_a_peer_look_quicker() {
        let standing = Standing::default();
        standing.served(A, Duration::from_millis(800));
        standing.outrun(A, Duration::from_millis(5));
        assert_eq!(standing.rank(A), (0, Duration::from_millis(800)));
    }
}
