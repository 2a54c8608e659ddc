//! Who waits for unsealing, and how long. Two sectors at a time: the labels of one are a chain, which fills a core and a
//! part of another. The queue is bounded, so that strangers' reads cost a bounded amount of work.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::deal::SectorId;

/// Sectors under way at a time.
const AT_ONCE: usize = 2;

/// At most so many sectors wait or are under way.
const MAX_WAITING: usize = 16;

/// So long what was unsealed stays readable, whoever else waits: longer than a client waits before it asks again.
const READABLE_S: u64 = 60;

/// What became of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The data is readable in about so many seconds.
    InAbout(u32),
    /// Too many wait already.
    Full,
    /// This node unseals nothing for readers.
    Never,
}

/// The queue of a node.
#[derive(Debug)]
pub struct UnsealQueue {
    inner: Mutex<Inner>,
    /// Sectors whose data may be unsealed at a time; 0: none ever.
    room: u64,
}

#[derive(Debug)]
struct Inner {
    /// Oldest first, and since when.
    under_way: Vec<(SectorId, u64)>,
    waiting: VecDeque<SectorId>,
    /// How long one takes, by the last one or a guess.
    one_takes_s: u64,
    /// Unsealed for readers, oldest first, and since when.
    cached: VecDeque<(SectorId, u64)>,
}

impl UnsealQueue {
    /// An empty queue; `cached` are the sectors whose data an earlier run unsealed, `guess_s` is how long one may take
    /// before any was timed.
    #[must_use]
    pub fn new(room: u64, guess_s: u64, cached: impl IntoIterator<Item = SectorId>) -> Self {
        Self {
            inner: Mutex::new(Inner {
                under_way: Vec::new(),
                waiting: VecDeque::new(),
                one_takes_s: guess_s.max(1),
                cached: cached.into_iter().map(|sector| (sector, 0)).collect(),
            }),
            room,
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody wants to read from a sector. Asking again for what waits already changes nothing.
    pub fn ask(&self, sector: SectorId, now_unix: u64) -> Asked {
        if self.room == 0 {
            return Asked::Never;
        }
        let mut inner = self.inner();
        let takes_s = inner.one_takes_s;
        // One that should be done by now will be any moment.
        let left_s = |began: u64| {
            let done_s = now_unix.saturating_sub(began);
            takes_s.saturating_sub(done_s).max(1)
        };
        let mut under_way = inner.under_way.iter();
        if let Some((_, began)) = under_way.find(|(busy, _)| *busy == sector) {
            return about(left_s(*began));
        }
        let known = inner.waiting.iter().position(|waiting| *waiting == sector);
        let place = match known {
            Some(place) => place,
            None if inner.len() >= MAX_WAITING => return Asked::Full,
            None => {
                inner.waiting.push_back(sector);
                inner.waiting.len() - 1
            }
        };
        // Those before it, taken in turns: what is under way takes the rest of its time, the others all of theirs.
        let place = place + inner.under_way.len();
        let (turns, lane) = (place / AT_ONCE, place % AT_ONCE);
        let busy = inner.under_way.get(lane).filter(|_| turns > 0);
        let first_s = busy.map_or(takes_s, |(_, began)| left_s(*began));
        about(takes_s.saturating_mul(turns as u64).saturating_add(first_s))
    }

    /// The sector whose turn it is; none while the data that would have to go for it is too new.
    pub fn begin(&self, now_unix: u64) -> Option<SectorId> {
        let mut inner = self.inner();
        let under_way = inner.under_way.len() as u64;
        if inner.under_way.len() >= AT_ONCE || under_way >= self.room {
            return None;
        }
        let full = inner.cached.len() as u64 + under_way >= self.room;
        let fresh = |(_, since): &(SectorId, u64)| now_unix < since.saturating_add(READABLE_S);
        if full && inner.cached.front().is_some_and(fresh) {
            return None;
        }
        let first = inner.waiting.pop_front()?;
        inner.under_way.push((first, now_unix));
        Some(first)
    }

    /// Which unsealed data has to go for what is under way, or for one more.
    pub fn crowded_out(&self) -> Vec<SectorId> {
        let mut inner = self.inner();
        let room = usize::try_from(self.room).unwrap_or(usize::MAX);
        let coming = inner.under_way.len().max(1);
        let surplus = (inner.cached.len() + coming).saturating_sub(room);
        let surplus = surplus.min(inner.cached.len());
        let gone = inner.cached.drain(..surplus);
        gone.map(|(sector, _)| sector).collect()
    }

    /// One that was under way is over; `unsealed`: its data is on disk now.
    pub fn end(&self, sector: SectorId, unsealed: bool, now_unix: u64) {
        let mut inner = self.inner();
        let mut under_way = inner.under_way.iter();
        if let Some(place) = under_way.position(|(busy, _)| *busy == sector) {
            let (_, began) = inner.under_way.remove(place);
            if unsealed {
                inner.one_takes_s = now_unix.saturating_sub(began).max(1);
            }
        }
        if unsealed {
            inner.cached.push_back((sector, now_unix));
        }
    }

    /// How many wait or are under way.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner().len()
    }

    /// How many are under way.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.inner().under_way.len()
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Inner {
    fn len(&self) -> usize {
        self.under_way.len() + self.waiting.len()
    }
}

fn about(seconds: u64) -> Asked {
    Asked::InAbout(u32::try_from(seconds).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sectors(from: u64, to: u64) -> Vec<SectorId> {
        (from..to).map(SectorId).collect()
    }

    #[test]
    fn a_later_place_waits_longer_and_what_is_done_counts() {
        let queue = UnsealQueue::new(4, 100, []);
        assert_eq!(queue.ask(SectorId(1), 0), Asked::InAbout(100), "the first");
        assert_eq!(queue.ask(SectorId(2), 0), Asked::InAbout(100), "beside it");
        assert_eq!(queue.ask(SectorId(3), 0), Asked::InAbout(200), "behind it");
        assert_eq!(queue.ask(SectorId(1), 0), Asked::InAbout(100), "once only");
        assert_eq!(queue.begin(10), Some(SectorId(1)), "its turn");
        assert_eq!(queue.ask(SectorId(1), 40), Asked::InAbout(70), "30 s done");
        assert_eq!(queue.ask(SectorId(2), 40), Asked::InAbout(100), "beside it");
        assert_eq!(queue.ask(SectorId(3), 40), Asked::InAbout(170), "behind it");
        assert_eq!(queue.ask(SectorId(1), 900), Asked::InAbout(1), "any moment");
        queue.end(SectorId(1), true, 60);
        assert_eq!(queue.ask(SectorId(2), 60), Asked::InAbout(50), "timed now");
    }

    #[test]
    fn two_sectors_are_under_way_at_a_time_and_no_more_than_there_is_room_for() {
        let queue = UnsealQueue::new(4, 1, []);
        for sector in sectors(1, 4) {
            queue.ask(sector, 0);
        }
        assert_eq!(queue.begin(0), Some(SectorId(1)));
        assert_eq!(queue.begin(0), Some(SectorId(2)), "beside it");
        assert_eq!(queue.begin(0), None, "two");
        assert_eq!((queue.under_way(), queue.len()), (2, 3));
        queue.end(SectorId(2), false, 1);
        assert_eq!(queue.begin(1), Some(SectorId(3)), "in its place");
        let narrow = UnsealQueue::new(1, 1, []);
        for sector in sectors(1, 3) {
            narrow.ask(sector, 0);
        }
        assert_eq!(narrow.begin(0), Some(SectorId(1)));
        assert_eq!(narrow.begin(0), None, "its data takes all the room");
    }

    #[test]
    fn the_queue_is_bounded_and_may_be_closed() {
        let queue = UnsealQueue::new(1, 1, []);
        for sector in sectors(0, 16) {
            assert!(matches!(queue.ask(sector, 0), Asked::InAbout(_)), "room");
        }
        assert_eq!(queue.ask(SectorId(99), 0), Asked::Full, "one too many");
        assert!(
            matches!(queue.ask(SectorId(3), 0), Asked::InAbout(_)),
            "known"
        );
        let closed = UnsealQueue::new(0, 1, []);
        assert_eq!(closed.ask(SectorId(1), 0), Asked::Never, "nothing ever");
    }

    #[test]
    fn what_was_unsealed_stays_readable_for_a_while() {
        let queue = UnsealQueue::new(1, 1, []);
        queue.ask(SectorId(1), 0);
        queue.ask(SectorId(2), 0);
        assert_eq!(queue.begin(0), Some(SectorId(1)), "its turn");
        queue.end(SectorId(1), true, 100);
        assert_eq!(queue.begin(159), None, "the first is still read");
        assert_eq!(queue.begin(160), Some(SectorId(2)), "it had its time");
    }

    #[test]
    fn room_for_what_is_under_way_is_not_given_away_twice() {
        let queue = UnsealQueue::new(2, 1, []);
        for sector in sectors(1, 4) {
            queue.ask(sector, 0);
        }
        assert_eq!(queue.begin(0), Some(SectorId(1)));
        queue.end(SectorId(1), true, 100);
        assert_eq!(queue.begin(100), Some(SectorId(2)), "beside the first");
        assert_eq!(queue.begin(100), None, "the first is still read");
        assert_eq!(queue.begin(160), Some(SectorId(3)), "it had its time");
    }

    #[test]
    fn what_failed_says_nothing_of_how_long_one_takes() {
        let queue = UnsealQueue::new(4, 100, []);
        queue.ask(SectorId(1), 0);
        assert_eq!(queue.begin(0), Some(SectorId(1)));
        queue.end(SectorId(1), false, 3);
        assert_eq!(queue.ask(SectorId(2), 3), Asked::InAbout(100), "as before");
    }

    #[test]
    fn the_oldest_unsealed_data_goes_first() {
        let queue = UnsealQueue::new(2, 1, sectors(1, 4));
        assert_eq!(queue.crowded_out(), sectors(1, 3), "three, room for two");
        queue.end(SectorId(9), true, 0);
        assert_eq!(queue.crowded_out(), [SectorId(3)], "then the next");
        assert_eq!(queue.crowded_out(), sectors(0, 0), "one and one more fit");
        let queue = UnsealQueue::new(3, 1, sectors(1, 3));
        for sector in sectors(8, 10) {
            queue.ask(sector, 99);
            assert_eq!(queue.begin(99), Some(sector), "its turn");
        }
        assert_eq!(queue.crowded_out(), [SectorId(1)], "two are under way");
    }
}
