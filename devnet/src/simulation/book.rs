//! Slots and deals in flat arrays, ten million of them in a few hundred megabytes.
//!
//! Slot `deal * n + i` is place i of a deal. Each provider keeps the list of its slots; `place` says where in that list a
//! slot stands, so that taking one out costs the same however long the list is.

use super::numbers::{at, number};
use super::provider::Provider;

/// No provider.
pub(crate) const NOBODY: u32 = u32::MAX;
/// Set beside a provider's number: it no longer holds the slot.
const FORMER: u32 = 1 << 31;

/// What became of a slot's piece, whatever the chain knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Piece {
    /// Never stored.
    Absent,
    /// As it should be.
    Whole,
    /// Some leaves are bad.
    Rotten,
    /// Lost.
    Gone,
}

/// A deal. `end` also tells this deal from the one that had its place before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deal {
    pub(crate) end: u32,
    pub(crate) price: u64,
    pub(crate) escrow: u64,
    /// Bounties of its freed slots.
    pub(crate) bounty: u64,
    /// Slots nobody fills.
    pub(crate) freed: u16,
    /// Of those, being repaired.
    pub(crate) under_way: u16,
    /// Pieces that are whole.
    pub(crate) whole: u16,
    pub(crate) lost: bool,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) n: u32,
    pub(crate) deals: Vec<Deal>,
    pub(crate) pieces: Vec<Piece>,
    /// First period a slot may be paid for.
    pub(crate) first: Vec<u32>,
    /// Since when its piece is lost.
    pub(crate) lost_at: Vec<u32>,
    holder: Vec<u32>,
    place: Vec<u32>,
}

impl Book {
    pub(crate) fn new(deals: u32, n: u32) -> Self {
        let slots = at(deals) * at(n);
        let empty = Deal {
            end: 0,
            price: 0,
            escrow: 0,
            bounty: 0,
            freed: 0,
            under_way: 0,
            whole: 0,
            lost: false,
        };
        Self {
            n,
            deals: vec![empty; at(deals)],
            pieces: vec![Piece::Absent; slots],
            first: vec![0; slots],
            lost_at: vec![0; slots],
            holder: vec![NOBODY; slots],
            place: vec![0; slots],
        }
    }

    pub(crate) const fn deal_of(&self, slot: u32) -> u32 {
        match slot.checked_div(self.n) {
            Some(deal) => deal,
            None => 0,
        }
    }

    pub(crate) const fn slots_of(&self, deal: u32) -> std::ops::Range<u32> {
        deal * self.n..(deal + 1) * self.n
    }

    /// Who fills a slot.
    pub(crate) fn holder(&self, slot: u32) -> Option<u32> {
        let holder = self.holder[at(slot)];
        (holder & FORMER == 0).then_some(holder)
    }

    /// Whether a provider holds a slot of the deal, or failed one of its slots that is still free.
    pub(crate) fn knows(&self, deal: u32, provider: u32) -> bool {
        let slots = self.slots_of(deal);
        self.holder[at(slots.start)..at(slots.end)]
            .iter()
            .any(|holder| holder & !FORMER == provider)
    }

    /// A provider fills a slot with a whole piece (or keeps it as it is).
    pub(crate) fn fill(&mut self, slot: u32, id: u32, provider: &mut Provider, price: u64) {
        self.holder[at(slot)] = id;
        self.place[at(slot)] = number(provider.slots.len());
        provider.slots.push(slot);
        provider.pay += price;
    }

    /// Takes a slot from its holder, who stays on record as the former one.
    pub(crate) fn take(&mut self, slot: u32, provider: &mut Provider, price: u64) {
        match self.pieces[at(slot)] {
            Piece::Gone => provider.gone -= 1,
            Piece::Rotten => provider.rotten -= 1,
            Piece::Absent | Piece::Whole => {}
        }
        let place = at(self.place[at(slot)]);
        provider.slots.swap_remove(place);
        if let Some(moved) = provider.slots.get(place) {
            self.place[at(*moved)] = number(place);
        }
        provider.pay -= price;
        self.holder[at(slot)] |= FORMER;
    }

    /// Forgets who failed a slot: its deal is over.
    pub(crate) fn forget(&mut self, slot: u32) {
        self.holder[at(slot)] = NOBODY;
        self.pieces[at(slot)] = Piece::Absent;
    }
}
