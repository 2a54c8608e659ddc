//! The sweeps there are: what each varies, and what is drawn of it.

use super::closed_form::{failures_alive, loss_rate, loss_without_repair};
use super::numbers::whole;
use super::plot::{Axis, Plot, Series};
use super::settings::{Event, Order, Settings, Shock, YEAR_DAYS};
use super::sweep::{Measured, Point, Sweep, line, lines, plot, with_computed};

/// All of them.
pub const SWEEPS: [Sweep; 11] = [
    Sweep {
        name: "share-lost",
        what: "a share of all providers is gone at once: which codes survive",
        points: share_lost,
        plots: share_lost_plots,
    },
    Sweep {
        name: "churn",
        what: "providers live shorter and shorter: which codes survive",
        points: churn,
        plots: churn_plots,
    },
    Sweep {
        name: "misses",
        what: "how long a provider may miss before it is terminated",
        points: misses,
        plots: misses_plots,
    },
    Sweep {
        name: "repair-part",
        what: "repair part and share of it that is paid as bounty",
        points: repair_part,
        plots: repair_part_plots,
    },
    Sweep {
        name: "bandwidth",
        what: "bandwidth for repair when a region is gone",
        points: bandwidth,
        plots: bandwidth_plots,
    },
    Sweep {
        name: "token",
        what: "the token loses its value",
        points: token,
        plots: token_plots,
    },
    Sweep {
        name: "transfer",
        what: "fetching gets dearer",
        points: transfer,
        plots: transfer_plots,
    },
    Sweep {
        name: "period",
        what: "length of a period",
        points: period,
        plots: period_plots,
    },
    Sweep {
        name: "rot",
        what: "how much of a rotten piece is bad, with and without reading one's own disk",
        points: rot,
        plots: rot_plots,
    },
    Sweep {
        name: "cheat",
        what: "how much a cheat deletes",
        points: cheat,
        plots: cheat_plots,
    },
    Sweep {
        name: "halt-length",
        what: "how long the chain stands still while a region is lost",
        points: halt,
        plots: halt_plots,
    },
];

/// The sweep of this name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Sweep> {
    SWEEPS.iter().find(|one| one.name == name)
}

/// Deals of each code: enough to see one loss in ten thousand.
const CODE_DEALS: u32 = 10_000;
/// Codes by k and n, with the same number of deals each.
const CODES: [(u32, u32); 5] = [(5, 10), (10, 20), (10, 30), (20, 30), (29, 80)];

fn codes(
    base: &Settings,
    codes: &[(u32, u32)],
    values: &[f64],
    change: impl Fn(&mut Settings, f64),
) -> Vec<Point> {
    let of_code = |(k, n): &(u32, u32)| {
        let settings = Settings {
            k: *k,
            n: *n,
            pieces: CODE_DEALS * n,
            ..base.clone()
        };
        line(&settings, &format!("{k} of {n}"), values, &change)
    };
    codes.iter().flat_map(of_code).collect()
}

fn share_lost(base: &Settings) -> Vec<Point> {
    let shares = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8];
    codes(base, &CODES, &shares, |settings, share| {
        settings.days = 1;
        settings.shocks.push(Shock {
            day: 0,
            what: Event::ProvidersLost(share),
        });
    })
}

fn share_lost_plots(measured: &[Measured]) -> Vec<(&'static str, Plot)> {
    let computed = lines(measured, |point| {
        let settings = &point.outcomes[0].settings;
        let share = loss_without_repair(settings.n, settings.k, 1.0 - point.x);
        if share > 1e-6 { share } else { f64::NAN }
    });
    let series = with_computed(lines(measured, Measured::lost_share), computed);
    let title = "Providers gone at once: deals lost (dots: simulated, dashes: binomial)";
    let (across, up) = (
        Axis::plain("share of all providers"),
        Axis::log("share of deals lost"),
    );
    vec![("share-lost", plot(title, across, up, series))]
}

fn churn(base: &Settings) -> Vec<Point> {
    let rates = [1.0, 4.0, 8.0, 16.0, 32.0];
    codes(base, &CODES[..4], &rates, |settings, rate| {
        settings.faults.exits = rate;
        settings.repair.replaced_days = 0.5;
        // what repair costs and what it can carry are other sweeps
        settings.economy.transfer_tb = 0.0;
        settings.economy.mgas = 0.0;
        settings.repair.mbit_s = 100.0;
    })
}

fn churn_plots(measured: &[Measured]) -> Vec<(&'static str, Plot)> {
    let seen = lines(measured, |point| {
        let durability = point.durability();
        if durability.lost == 0 {
            return f64::NAN;
        }
        durability.yearly_loss()
    });
    let computed = lines(measured, |point| {
        let settings = &point.outcomes[0].settings;
        let down = point.mean("mean_days_without_piece") / YEAR_DAYS;
        let failures = failures_alive(point.mean("failures_per_slot_year"), down);
        let rate = loss_rate(settings.n, settings.k, failures, down);
        if rate > 1e-12 { rate } else { f64::NAN }
    });
    let series = with_computed(seen, computed);
    let title = "Losses against churn (dots: simulated, dashes: independent slots)";
    let (across, up) = (
        Axis::log("exits per provider and year"),
        Axis::log("losses per deal and year"),
    );
    vec![("churn", plot(title, across, up, series))]
}

fn misses(base: &Settings) -> Vec<Point> {
    let days = [0.125, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 7.0, 14.0];
    let mut points = line(base, "usual", &days, |settings, days| {
        settings.terms.end_days = days;
        settings.terms.fault_days = 20.0_f64.max(days * 6.0);
    });
    points.extend(line(base, "hard", &days, |settings, days| {
        settings.terms.end_days = days;
        settings.terms.fault_days = 20.0_f64.max(days * 6.0);
        settings.faults.exits = 8.0;
        settings.repair.replaced_days = 0.5;
    }));
    points
}

fn misses_plots(measured: &[Measured]) -> Vec<(&'static str, Plot)> {
    let across = || Axis::log("days of consecutive misses before a provider is terminated");
    let ended = lines(measured, |point| {
        point.mean("ended_with_whole_disks") / f64::from(point.outcomes[0].settings.providers)
    });
    let traffic = lines(measured, |point| point.mean("repair_tb_per_stored_tb_year"));
    vec![
        (
            "misses-ended",
            plot(
                "Providers terminated although their disks were whole",
                across(),
                Axis::log("share of providers a year"),
                ended,
            ),
        ),
        (
            "misses-traffic",
            plot(
                "Repair traffic",
                across(),
                Axis::plain("bytes fetched per byte stored and year"),
                traffic,
            ),
        ),
    ]
}

fn repair_part(base: &Settings) -> Vec<Point> {
    let days = [0.0, 15.0, 30.0, 45.0, 60.0, 75.0, 90.0, 120.0, 180.0];
    [0.1, 0.25, 0.5]
        .iter()
        .flat_map(|share| {
            let name = format!("bounty {:.0} %", share * 100.0);
            line(base, &name, &days, |settings, days| {
                settings.terms.repair_days = days;
                settings.terms.bounty_share = *share;
            })
        })
        .collect()
}

fn repair_part_plots(measured: &[Measured]) -> Vec<(&'static str, Plot)> {
    let across = || Axis::plain("repair part of a slot, days' pay");
    let unrepaired = lines(measured, |point| {
        1.0 - point.mean("slots_repaired") / point.mean("slots_freed")
    });
    let locked = lines(measured, |point| {
        point.mean("collateral_held") / point.mean("escrow_left")
    });
    vec![
        (
            "repair-part-unrepaired",
            plot(
                "Freed slots that nobody repaired",
                across(),
                Axis::plain("share"),
                unrepaired,
            ),
        ),
        (
            "repair-part-locked",
            plot(
                "Collateral for a token of escrow",
                across(),
                Axis::plain("tokens"),
                locked,
            ),
        ),
    ]
}

fn bandwidth(base: &Settings) -> Vec<Point> {
    let rates = [0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 2.0, 4.0];
    let hit = |settings: &mut Settings, rate: f64| {
        settings.repair.mbit_s = rate;
        settings.faults.exits = 2.0;
        settings.repair.replaced_days = 0.5;
        settings.shocks.push(Shock {
            day: 30,
            what: Event::RegionsLost(3),
        });
    };
    let mut points = line(base, "oldest first", &rates, hit);
    points.extend(line(base, "most freed first", &rates, |settings, rate| {
        hit(settings, rate);
        settings.repair.order = Order::Urgent;
    }));
    points.extend(line(base, "one fetch for all", &rates, |settings, rate| {
        hit(settings, rate);
        settings.repair.shared_fetch = true;
    }));
    points
}

fn bandwidth_plots(measured: &[Measured]) -> Vec<(&'static str, Plot)> {
    let across = || Axis::log("Mbit/s for repair, each provider");
    let loss = lines(measured, Measured::lost_share);
    let waiting = lines(measured, |point| {
        point.mean("slots_waiting_at_end") / f64::from(point.outcomes[0].settings.pieces)
    });
    let traffic = lines(measured, |point| point.mean("repair_tb_per_stored_tb_year"));
    vec![
        (
            "bandwidth-lost",
            plot(
                "Three of ten regions gone: deals lost in a year",
                across(),
                Axis::log("share of deals"),
                loss,
            ),
        ),
        (
            "bandwidth-waiting",
            plot(
                "Slots that wait for repair at the end",
                across(),
                Axis::plain("share of slots"),
                waiting,
            ),
        ),
        (
            "bandwidth-traffic",
            plot(
                "Repair traffic",
                across(),
                Axis::plain("bytes fetched per byte stored and year"),
                traffic,
            ),
        ),
    ]
}

fn token(base: &Settings) -> Vec<Point> {
    let worth = [1.0, 0.7, 0.5, 0.4, 0.3, 0.25, 0.2, 0.15, 0.1, 0.05];
    [30.0, 90.0, 180.0]
        .iter()
        .flat_map(|days| {
            let name = format!("repair part {days} days");
            line(base, &name, &worth, |settings, worth| {
                settings.terms.repair_days = *days;
                settings.shocks.push(Shock {
                    day: 30,
                    what: Event::Token(worth),
                });
            })
        })
        .collect()
}

fn token_plots(measured: &[Measured]) -> Vec<(&'static str, Plot)> {
    let across = || Axis::plain("what the token is worth after the fall");
    let gone = lines(measured, |point| {
        point.mean("priced_out") / f64::from(point.outcomes[0].settings.providers)
    });
    let loss = lines(measured, Measured::lost_share);
    let repaired = lines(measured, |point| {
        1.0 - point.mean("slots_repaired") / point.mean("slots_freed")
    });
    vec![
        (
            "token-gone",
            plot(
                "Providers that go because of it, in a year",
                across(),
                Axis::plain("share of providers"),
                gone,
            ),
        ),
        (
            "token-lost",
            plot(
                "Deals lost in a year",
                across(),
                Axis::log("share of deals"),
                loss,
            ),
        ),
        (
            "token-unrepaired",
            plot(
                "Freed slots that nobody repaired",
                across(),
                Axis::plain("share"),
                repaired,
            ),
        ),
    ]
}

fn transfer(base: &Settings) -> Vec<Point> {
    let times = [0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0];
    [5, 10, 20]
        .iter()
        .flat_map(|k| {
            let settings = Settings {
                k: *k,
                ..base.clone()
            };
            line(
                &settings,
                &format!("{k} of {}", base.n),
                &times,
                |settings, times| {
                    settings.shocks.push(Shock {
                        day: 0,
                        what: Event::Transfer(times),
                    });
                },
            )
        })
        .collect()
}

fn transfer_plots(measured: &[Measured]) -> Vec<(&'static str, Plot)> {
    let unrepaired = lines(measured, |point| {
        1.0 - point.mean("slots_repaired") / point.mean("slots_freed")
    });
    let across = Axis::log("what fetching costs, against $0.50 for 10^12 bytes");
    let title = "Freed slots that nobody repaired";
    vec![(
        "transfer",
        plot(title, across, Axis::plain("share"), unrepaired),
    )]
}

fn period(base: &Settings) -> Vec<Point> {
    let hours = [0.25, 0.5, 1.0, 2.0, 6.0, 12.0, 24.0];
    [300_u64, 850]
        .iter()
        .flat_map(|due_s| {
            line(
                base,
                &format!("due after {due_s} s"),
                &hours,
                |settings, hours| {
                    settings.period_s = whole(hours * 3600.0);
                    // what is due later than the next freeze cannot be set
                    settings.due_s = (*due_s).min(settings.period_s - 100);
                },
            )
        })
        .collect()
}

fn period_plots(measured: &[Measured]) -> Vec<(&'static str, Plot)> {
    let across = || Axis::log("hours from period to period");
    let income = lines(measured, |point| point.mean("honest_net_of_price"));
    let gas = lines(measured, |point| {
        point.mean("proof_usd") / point.mean("earned")
    });
    let missed = lines(measured, |point| {
        let periods = point.outcomes[0]
            .settings
            .periods(f64::from(point.outcomes[0].settings.days));
        let windows = f64::from(periods) * f64::from(point.outcomes[0].settings.providers);
        point.mean("windows_missed") / windows
    });
    vec![
        (
            "period-gas",
            plot(
                "Gas of window proofs",
                across(),
                Axis::log("share of what is earned"),
                gas,
            ),
        ),
        (
            "period-missed",
            plot(
                "Windows missed",
                across(),
                Axis::plain("share of windows"),
                missed,
            ),
        ),
        (
            "period-net",
            plot(
                "What a slot brings, less lost collateral",
                across(),
                Axis::plain("share of the price"),
                income,
            ),
        ),
    ]
}

fn rot(base: &Settings) -> Vec<Point> {
    let leaves = [1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2];
    [
        (0, "never read"),
        (90, "read every 90 days"),
        (30, "read every 30 days"),
    ]
    .iter()
    .flat_map(|(scrub, name)| {
        line(base, name, &leaves, |settings, leaves| {
            settings.faults.rot_per_piece = 0.05;
            settings.faults.rot_leaves = leaves;
            settings.faults.scrub_days = *scrub;
        })
    })
    .collect()
}

fn rot_plots(measured: &[Measured]) -> Vec<(&'static str, Plot)> {
    let unseen = lines(measured, |point| {
        point.mean("rotten_unseen_at_end") / f64::from(point.outcomes[0].settings.pieces)
    });
    let across = Axis::log("share of a rotten piece's leaves that is bad");
    let title = "Rotten pieces nobody has seen after a year (5 % rot each year)";
    vec![(
        "rot",
        plot(title, across, Axis::plain("share of pieces"), unseen),
    )]
}

fn cheat(base: &Settings) -> Vec<Point> {
    let deleted = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2];
    line(base, "cheats", &deleted, |settings, deleted| {
        settings.shocks.push(Shock {
            day: 0,
            what: Event::Cheats {
                providers: 0.1,
                deleted,
            },
        });
    })
}

fn cheat_plots(measured: &[Measured]) -> Vec<(&'static str, Plot)> {
    let mut series = lines(measured, |point| point.mean("cheat_net_of_price"));
    let honest = lines(measured, |point| point.mean("honest_net_of_price"));
    series.extend(honest.into_iter().map(|one| Series {
        name: "honest".to_owned(),
        colour: 1,
        ..one
    }));
    let across = Axis::log("share of its pieces a cheat deletes");
    let up = Axis::plain("share of the price, per slot and period held");
    vec![(
        "cheat",
        plot("Pay less lost collateral", across, up, series),
    )]
}

fn halt(base: &Settings) -> Vec<Point> {
    let days = [1.0, 3.0, 7.0, 14.0, 30.0, 60.0];
    [
        (1, "a tenth of the providers lost"),
        (4, "four tenths lost"),
    ]
    .iter()
    .flat_map(|(regions, name)| {
        line(base, name, &days, |settings, days| {
            settings.shocks.push(Shock {
                day: 30,
                what: Event::Halt(days),
            });
            settings.shocks.push(Shock {
                day: 30,
                what: Event::RegionsLost(*regions),
            });
        })
    })
    .collect()
}

fn halt_plots(measured: &[Measured]) -> Vec<(&'static str, Plot)> {
    let across = Axis::plain("days the chain stands still");
    let wait = lines(measured, |point| point.mean("mean_days_without_piece"));
    let title = "Days from losing a piece to having it again";
    vec![(
        "halt",
        plot(title, across, Axis::plain("days, mean of the year"), wait),
    )]
}
