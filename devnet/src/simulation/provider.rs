//! One account that stores: where it stands, what broke, what it has locked.

use cairn_contracts::settlement::Runs;

use super::numbers::Random;
use super::settings::Settings;

/// A storage provider.
#[derive(Clone, Debug)]
pub(crate) struct Provider {
    pub(crate) standing: Standing,
    /// Since which period.
    pub(crate) joined: u32,
    /// What this operator pays, against the average one.
    pub(crate) cost: f64,
    /// Does not declare what it deleted.
    pub(crate) cheats: bool,
    /// Most slots it can hold.
    pub(crate) room: u32,
    /// The slots it fills.
    pub(crate) slots: Vec<u32>,
    /// Sum of their prices: the tree's pay per period.
    pub(crate) pay: u64,
    /// Slots whose whole piece is gone, and whose piece is rotten, unseen.
    pub(crate) gone: u32,
    pub(crate) rotten: u32,
    /// Periods proven, as the contract counts them.
    pub(crate) proven: Runs,
    /// Consecutive misses.
    pub(crate) misses: u32,
    /// Fault part of its collateral that is left, and repair parts of its slots.
    pub(crate) fault: u64,
    pub(crate) repair: u64,
    /// Down from, until: seconds.
    pub(crate) down: (u64, u64),
    /// Fetching for repair until this second.
    pub(crate) busy_until_s: f64,
}

/// Whether a provider is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Its account is open and its disks are there (it may be down for a while).
    Up,
    /// It will never prove again, but the contract does not know yet.
    Gone,
    /// Terminated; somebody new takes its place in this period.
    Ended { replaced: u32 },
}

impl Provider {
    pub(crate) fn new(settings: &Settings, random: &mut Random) -> Self {
        let mean = f64::from(settings.deals()) * f64::from(settings.n)
            / f64::from(settings.providers.max(1));
        // small, middle and large operators: 0.5, 1 or 2 times the mean, half of them middle, so that the mean stays near
        let size = match random.below(8) {
            0..3 => 0.5,
            3..7 => 1.0,
            _ => 2.5,
        };
        let room = super::numbers::whole32(mean * size / settings.repair.used).max(1);
        Self {
            standing: Standing::Up,
            joined: 0,
            cost: random.spread(),
            cheats: false,
            room,
            slots: Vec::new(),
            pay: 0,
            gone: 0,
            rotten: 0,
            proven: Runs::default(),
            misses: 0,
            fault: 0,
            repair: 0,
            down: (0, 0),
            busy_until_s: 0.0,
        }
    }

    /// Whether it answers now.
    pub(crate) fn is_up(&self, time_s: u64) -> bool {
        self.standing == Standing::Up && !(self.down.0..self.down.1).contains(&time_s)
    }

    pub(crate) fn has_room(&self) -> bool {
        super::numbers::number(self.slots.len()) < self.room
    }

    /// Share of its leaves that are missing.
    pub(crate) fn missing(&self, rot_leaves: f64) -> f64 {
        if self.gone == 0 && self.rotten == 0 {
            return 0.0;
        }
        let bad = f64::from(self.gone) + f64::from(self.rotten) * rot_leaves;
        bad / self.slots.len().max(1) as f64
    }

    /// Goes down for a while, from some second on.
    pub(crate) fn go_down(&mut self, from_s: u64, seconds: u64) {
        let until = from_s.saturating_add(seconds);
        if from_s <= self.down.1 {
            self.down.1 = self.down.1.max(until);
        } else {
            self.down = (from_s, until);
        }
    }
}
