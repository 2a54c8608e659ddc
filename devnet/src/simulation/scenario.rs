//! Named runs at full size: what happens to the network, and when.

use super::settings::{Event, Order, Settings, Shock};

/// A scenario.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// On the command line.
    pub name: &'static str,
    /// In a sentence.
    pub what: &'static str,
    change: fn(&mut Settings),
}

/// All of them.
pub const SCENARIOS: [Scenario; 8] = [
    Scenario {
        name: "baseline",
        what: "churn, disks, outages and rot as they come",
        change: |_| {},
    },
    Scenario {
        name: "region-lost",
        what: "on day 60 a region with a tenth of the providers is gone for ever",
        change: |settings| settings.shocks.push(on(60, Event::RegionsLost(1))),
    },
    Scenario {
        name: "silent-rot",
        what: "pieces rot twenty times as often, a thousandth of the leaves as many, and nobody reads its own disk",
        change: |settings| {
            settings.faults.rot_per_piece = 0.01;
            settings.faults.rot_leaves = 1e-6;
        },
    },
    Scenario {
        name: "mass-exit",
        what: "on day 60 the token falls to 30 % of its value",
        change: |settings| settings.shocks.push(on(60, Event::Token(0.3))),
    },
    Scenario {
        name: "starved",
        what: "providers live half a year, repair gets 0.3 Mbit/s each, and on day 60 three regions are gone",
        change: |settings| {
            settings.faults.exits = 2.0;
            settings.repair.replaced_days = 0.5;
            settings.repair.mbit_s = 0.3;
            settings.shocks.push(on(60, Event::RegionsLost(3)));
        },
    },
    Scenario {
        name: "starved-urgent",
        what: "the same, but the deal with the most freed slots is repaired first",
        change: |settings| {
            settings.faults.exits = 2.0;
            settings.repair.replaced_days = 0.5;
            settings.repair.mbit_s = 0.3;
            settings.repair.order = Order::Urgent;
            settings.shocks.push(on(60, Event::RegionsLost(3)));
        },
    },
    Scenario {
        name: "cheats",
        what: "on day 60 a fifth of the providers deletes 5 % of its pieces and says nothing",
        change: |settings| {
            settings.shocks.push(on(
                60,
                Event::Cheats {
                    providers: 0.2,
                    deleted: 0.05,
                },
            ));
        },
    },
    Scenario {
        name: "halt",
        what: "on day 60 the chain stands still for 14 days, on day 67 a region is gone",
        change: |settings| {
            settings.shocks.push(on(60, Event::Halt(14.0)));
            settings.shocks.push(on(67, Event::RegionsLost(1)));
        },
    },
];

const fn on(day: u32, what: Event) -> Shock {
    Shock { day, what }
}

impl Scenario {
    /// The scenario of this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        SCENARIOS.iter().find(|one| one.name == name)
    }

    /// Settings of a run of it.
    #[must_use]
    pub fn settings(&self, base: &Settings) -> Settings {
        let mut settings = Settings {
            name: self.name.to_owned(),
            ..base.clone()
        };
        (self.change)(&mut settings);
        settings
    }
}
