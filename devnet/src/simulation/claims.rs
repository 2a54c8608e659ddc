//! What the simulation claims, each on a network small enough for a second.

use super::book::Piece;
use super::closed_form::{loss_rate, loss_without_repair};
use super::numbers::{at, number};
use super::provider::Standing;
use super::report::{Outcome, days_csv, summary_csv};
use super::run::{run, run_all};
use super::scenario::SCENARIOS;
use super::settings::{Event, Order, Settings, Shock, UNITS_PER_USD, YEAR_DAYS};
use super::sweeps::{self, SWEEPS};
use super::world::World;

/// For ever, where a test wants nothing to end.
const LONG_DAYS: u32 = 100_000;

/// Nothing breaks, nothing ends, repair costs nothing.
fn calm(providers: u32, deals: u32, k: u32, n: u32) -> Settings {
    let mut settings = Settings {
        providers,
        pieces: deals * n,
        days: 10,
        k,
        n,
        ..Settings::default()
    };
    settings.terms.deal_days = LONG_DAYS;
    settings.terms.stuck_days = LONG_DAYS;
    let faults = &mut settings.faults;
    faults.exits = 0.0;
    faults.disks_lost = 0.0;
    faults.outages = 0.0;
    faults.sites_lost = 0.0;
    faults.network_outages.0 = 0.0;
    faults.region_outages.0 = 0.0;
    faults.rot_per_piece = 0.0;
    settings.economy.transfer_tb = 0.0;
    settings.economy.capital = 0.0;
    settings.economy.mgas = 0.0;
    settings
}

/// Everything breaks, often, and everything happens.
fn troubled() -> Settings {
    let mut settings = Settings {
        providers: 120,
        pieces: 12_000,
        days: 60,
        k: 4,
        n: 12,
        ..Settings::default()
    };
    settings.terms.deal_days = 20;
    settings.terms.stuck_days = 3;
    let faults = &mut settings.faults;
    faults.exits = 3.0;
    faults.disks_lost = 1.0;
    faults.outages = 40.0;
    faults.sites_lost = 1.0;
    faults.rot_per_piece = 2.0;
    faults.scrub_days = 9;
    settings.repair.mbit_s = 0.5;
    let cheats = Event::Cheats {
        providers: 0.2,
        deleted: 0.1,
    };
    let events = [
        (3, cheats),
        (10, Event::RegionsLost(2)),
        (15, Event::Halt(2.5)),
        (20, Event::Transfer(3.0)),
        (25, Event::Gas(2.0)),
        (30, Event::Storage(1.2)),
        (35, Event::Token(0.3)),
        (45, Event::ProvidersLost(0.4)),
    ];
    settings.shocks = events.map(|(day, what)| Shock { day, what }).to_vec();
    settings
}

fn done(settings: Settings) -> Outcome {
    run(settings, &mut |_| {}).unwrap()
}

/// Steps until the end of so many periods.
fn steps(world: &mut World, periods: u32) {
    for _ in 0..periods {
        world.step().unwrap();
    }
}

#[test]
fn the_same_seed_gives_the_same_tables_and_another_seed_others() {
    let table = |seed: u64| {
        let outcome = done(Settings { seed, ..troubled() });
        days_csv(&outcome) + &summary_csv(&[outcome])
    };
    let (one, again, other) = (table(7), table(7), table(8));
    assert_eq!(one, again, "to the last byte");
    assert_ne!(one, other, "another seed");
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let runs: Vec<Settings> = (0..5)
        .map(|seed| Settings {
            seed,
            days: 20,
            ..troubled()
        })
        .collect();
    let one = run_all(runs.clone(), 1, &|_| {}).unwrap();
    let three = run_all(runs, 3, &|_| {}).unwrap();
    assert_eq!(one, three, "the same, in the same order");
}

#[test]
fn books_add_up_while_everything_goes_wrong() {
    let mut world = World::new(troubled());
    world.audit().unwrap();
    for day in 0..60 {
        steps(&mut world, 48);
        world
            .audit()
            .unwrap_or_else(|error| panic!("day {day}: {error}"));
    }
    let count = world.count();
    for (what, seen) in [
        ("exits", count.exits),
        ("struck", count.struck),
        ("disks", count.disks),
        ("rotted", count.rotted),
        ("hits", count.hits),
        ("ended", count.ended),
        ("ended whole", count.ended_whole),
        ("freed", count.freed),
        ("repaired", count.repaired),
        ("lost", count.lost),
        ("void", count.void_periods),
        ("wasted", count.wasted),
    ] {
        assert!(seen > 0, "{what}: the test shall see all that can happen");
    }
}

#[test]
fn an_audit_sees_every_book_that_is_wrong() {
    let tampers: [fn(&mut World); 8] = [
        |world| world.book.deals[0].escrow += 1,
        |world| world.book.deals[0].bounty += 1,
        |world| world.book.deals[0].whole -= 1,
        |world| world.book.deals[0].freed += 1,
        |world| world.providers[0].pay += 1,
        |world| world.providers[0].fault += 1,
        |world| world.providers[0].repair += 1,
        |world| world.providers[0].gone += 1,
    ];
    for (place, tamper) in tampers.into_iter().enumerate() {
        let mut world = World::new(calm(20, 50, 2, 4));
        world.audit().unwrap();
        tamper(&mut world);
        assert!(world.audit().is_err(), "tamper {place}");
    }
}

#[test]
fn pay_is_the_price_for_every_window_proven() {
    let mut settings = calm(60, 200, 3, 6);
    settings.faults.outages = 60.0;
    settings.terms.end_days = f64::from(LONG_DAYS);
    settings.terms.fault_days = f64::from(LONG_DAYS);
    let mut world = World::new(settings);
    let mut expected = 0;
    for _ in 0..480 {
        world.step().unwrap();
        let proven = world.providers.iter().filter(|one| one.misses == 0);
        expected += proven.map(|one| u128::from(one.pay)).sum::<u128>();
    }
    assert!(world.count.misses > 100, "some were down");
    let [honest, _] = world.groups();
    // a few deals of the first day were short and are settled; the rest is due
    assert_eq!(honest.earned, expected, "settled and due together");
}

#[test]
fn losses_without_repair_are_those_of_the_binomial() {
    let (k, n, deals) = (3, 6, 20_000);
    let mut settings = calm(2_000, deals, k, n);
    settings.faults.exits = 1.0;
    settings.days = 200;
    settings.repair.mbit_s = 1e-9;
    settings.repair.replaced_days = 0.0;
    let outcome = done(settings);
    let years = 200.0 / YEAR_DAYS;
    let expected_alive = (-years).exp();
    let alive = outcome.days.last().unwrap()[1] / 2_000.0;
    let error = (expected_alive * (1.0 - expected_alive) / 2_000.0).sqrt();
    assert!(
        (alive - expected_alive).abs() < 4.0 * error,
        "{alive} of the providers alive, {expected_alive} expected"
    );
    // given how many providers are alive, deals differ by which they drew only
    let expected = loss_without_repair(n, k, alive);
    let seen = outcome.durability.lost as f64 / f64::from(deals);
    let error = (expected * (1.0 - expected) / f64::from(deals)).sqrt();
    assert!(
        (seen - expected).abs() < 4.0 * error,
        "{seen} of the deals lost, {expected} expected, error {error}"
    );
}

#[test]
fn losses_with_repair_are_those_of_independent_slots() {
    let (k, n) = (3, 6);
    let runs: Vec<Settings> = (1..=4)
        .map(|seed| {
            let mut settings = calm(1_000, 10_000, k, n);
            settings.seed = seed;
            settings.days = 120;
            settings.faults.exits = 8.0;
            settings.repair.replaced_days = 0.1;
            settings.repair.mbit_s = 1_000.0;
            settings.terms.stuck_days = 1;
            settings
        })
        .collect();
    let outcomes = run_all(runs, 2, &|_| {}).unwrap();
    let lost: u64 = outcomes.iter().map(|one| one.durability.lost).sum();
    let years: f64 = outcomes.iter().map(|one| one.durability.deal_years).sum();
    let wait = outcomes
        .iter()
        .map(|one| one.value("mean_days_without_piece"))
        .sum::<f64>()
        / 4.0;
    let expected = loss_rate(n, k, 8.0, wait / YEAR_DAYS);
    let ratio = lost as f64 / years / expected;
    // deals share providers, so the error is larger than that of independent losses: three times, as seen over seeds
    let error = 3.0 / (lost as f64).sqrt();
    assert!(lost > 400, "{lost} losses are too few to say anything");
    assert!(
        (ratio - 1.0).abs() < 3.0 * error,
        "{lost} losses in {years:.0} deal years, {ratio:.3} of what is computed"
    );
}

#[test]
fn what_is_missing_is_found_as_often_as_the_protocol_says() {
    let mut settings = calm(2_000, 20_000, 3, 10);
    let event = Event::Cheats {
        providers: 1.0,
        deleted: 0.01,
    };
    settings.shocks.push(Shock {
        day: 0,
        what: event,
    });
    let mut world = World::new(settings);
    world.step().unwrap();
    let expected: f64 = world
        .providers
        .iter()
        .map(|one| 1.0 - (1.0 - one.missing(1.0)).powi(128))
        .sum();
    let seen = world.count.hits as f64;
    assert!(expected > 500.0, "enough to count: {expected}");
    assert!(
        (seen - expected).abs() < 4.0 * expected.sqrt(),
        "{seen} hits, {expected} expected"
    );
}

#[test]
fn a_halted_chain_slashes_nobody_and_pays_nobody() {
    let mut settings = calm(100, 500, 3, 6);
    settings.shocks = vec![
        Shock {
            day: 2,
            what: Event::Halt(5.0),
        },
        Shock {
            day: 3,
            what: Event::ProvidersLost(0.3),
        },
    ];
    let mut world = World::new(settings);
    steps(&mut world, 2 * 48);
    let earned = world.groups()[0].earned;
    steps(&mut world, 5 * 48 - 1);
    assert_eq!(world.count.void_periods, 5 * 48 - 1, "every period of it");
    assert_eq!(world.count.misses, 0, "nobody is slashed");
    assert_eq!(world.groups()[0].earned, earned, "nobody is paid");
    assert!(world.count.struck > 10, "while some are gone");
    let before = world.count.ended;
    steps(&mut world, 3 * 48 - 1);
    assert_eq!(world.count.ended, before, "void periods are no misses");
    steps(&mut world, 3);
    assert_eq!(
        world.count.ended, world.count.struck,
        "then all of them are ended"
    );
}

#[test]
fn a_provider_is_ended_by_the_last_miss_in_a_row_and_not_before() {
    let mut world = World::new(calm(50, 200, 3, 6));
    steps(&mut world, 10);
    world.strike(7);
    let misses = world.terms.misses_to_end;
    steps(&mut world, misses - 1);
    assert_eq!(
        world.providers[7].standing,
        Standing::Gone,
        "one is missing"
    );
    steps(&mut world, 1);
    assert_eq!(world.count.ended, 1, "the last one");
    assert_eq!(world.count.misses, u64::from(misses), "nobody else missed");
}

#[test]
fn an_empty_fault_part_ends_a_provider_too() {
    let mut settings = calm(50, 200, 3, 6);
    settings.terms.fault_days = 1.0; // 48 periods' pay, five of which go with each miss
    let mut world = World::new(settings);
    world.strike(7);
    steps(&mut world, 9);
    assert_eq!(world.count.ended, 0, "three periods' pay are left");
    steps(&mut world, 1);
    assert_eq!(world.count.ended, 1, "nothing is left");
    world.audit().unwrap();
}

#[test]
fn the_bounty_covers_a_repair_from_the_computed_repair_part_on() {
    for (times, worth) in [(0.99, false), (1.01, true)] {
        let mut settings = Settings {
            providers: 40,
            pieces: 300,
            ..Settings::default()
        };
        settings.terms.repair_days = settings.covering_repair_days() * times;
        let k = settings.k;
        let mut world = World::new(settings);
        world.book.deals[0].bounty = u64::MAX;
        world.book.deals[0].end = world.now; // nothing is left to earn by storing
        assert_eq!(world.is_worth_repairing(0, 1.0, k), worth, "{times}");
    }
}

#[test]
fn nobody_repairs_at_a_loss() {
    let repaired = |transfer_tb: f64| {
        let mut settings = calm(200, 500, 3, 6);
        settings.terms.deal_days = 20;
        settings.faults.exits = 4.0;
        settings.economy.transfer_tb = transfer_tb;
        let outcome = done(settings);
        (
            outcome.value("slots_freed"),
            outcome.value("slots_repaired"),
        )
    };
    let (freed, cheap) = repaired(0.0);
    assert!(cheap > 0.5 * freed, "{cheap} of {freed}");
    assert!(
        repaired(50.0).1 < 0.5,
        "fetching costs more than bounty and pay"
    );
}

#[test]
fn neither_the_failed_nor_holders_of_siblings_repair() {
    let repaired = |providers: u32| {
        let mut settings = calm(providers, 20, 3, 6);
        settings.repair.used = 0.2;
        let mut world = World::new(settings);
        let slots = world.providers[2].slots.clone();
        for slot in &slots {
            world.lose(*slot, Piece::Gone);
        }
        world.declare(2);
        steps(&mut world, 48);
        world.audit().unwrap();
        (number(slots.len()), world.count.repaired)
    };
    assert_eq!(
        repaired(6),
        (20, 0),
        "the other five hold siblings, the sixth has failed"
    );
    let (freed, with_another) = repaired(7);
    assert_eq!(u64::from(freed), with_another, "a seventh takes them all");
}

#[test]
fn the_deal_nearest_its_end_is_saved_only_when_somebody_looks_at_it_first() {
    let lost = |order: Order| {
        let mut settings = calm(200, 2_000, 5, 12);
        settings.days = 100;
        settings.faults.exits = 6.0;
        settings.repair.replaced_days = 0.5;
        settings.repair.mbit_s = 0.15;
        settings.repair.order = order;
        done(settings).durability.lost
    };
    let (oldest, urgent) = (lost(Order::Oldest), lost(Order::Urgent));
    assert!(
        urgent * 2 < oldest,
        "{urgent} lost with the most urgent first, {oldest} by age"
    );
}

#[test]
fn one_fetch_for_all_freed_slots_moves_fewer_bytes() {
    let bytes = |shared_fetch: bool| {
        let mut settings = calm(200, 1_000, 5, 12);
        settings.shocks.push(Shock {
            day: 1,
            what: Event::ProvidersLost(0.3),
        });
        settings.repair.shared_fetch = shared_fetch;
        let outcome = done(settings);
        outcome.value("repair_tb_per_stored_tb_year") / outcome.value("slots_repaired")
    };
    let (each, shared) = (bytes(false), bytes(true));
    assert!(shared < 0.6 * each, "{shared} a slot against {each}");
}

#[test]
fn who_would_lose_more_than_its_collateral_by_staying_goes() {
    let mut settings = calm(300, 3_000, 3, 6);
    settings.terms.deal_days = 180;
    let worth = 0.16;
    settings.economy.repriced = false;
    let (storage, price) = (settings.storage_usd(), settings.price(1.0) as f64);
    let shock = Shock {
        day: 1,
        what: Event::Token(worth),
    };
    settings.shocks.push(shock);
    let mut world = World::new(settings);
    steps(&mut world, 48);
    let costs: Vec<f64> = world.providers.iter().map(|one| one.cost).collect();
    steps(&mut world, 1);
    // cost x storing - worth x pay > worth x collateral / periods left
    let left = 90.0 * 48.0;
    let pay = price * worth / UNITS_PER_USD;
    let locked = (20.0 + 90.0) * 48.0 * pay;
    let (mut gone, mut stay) = (0, 0);
    for (id, cost) in costs.into_iter().enumerate() {
        let goes = (cost * storage - pay) * left > locked;
        let went = world.providers[id].standing != Standing::Up;
        assert_eq!(went, goes, "provider {id}, whose cost is {cost}");
        gone += u32::from(went);
        stay += u32::from(!went);
    }
    assert!(gone > 20 && stay > 20, "{gone} went, {stay} stayed");
}

#[test]
fn rot_is_found_by_samples_or_by_reading_and_else_stays() {
    let unseen = |leaves: f64, scrub_days: u32| {
        let mut settings = calm(100, 2_000, 3, 6);
        settings.days = 60;
        settings.faults.rot_per_piece = 0.3;
        settings.faults.rot_leaves = leaves;
        settings.faults.scrub_days = scrub_days;
        done(settings).value("rotten_unseen_at_end")
    };
    let (small, read, large) = (unseen(1e-9, 0), unseen(1e-9, 10), unseen(0.5, 0));
    assert!(small > 400.0, "{small} of about 590 nobody ever sees");
    assert!(read < small / 3.0, "{read} since the last reading");
    assert!(large < small / 20.0, "{large} not sampled yet");
}

#[test]
fn disks_are_read_evenly_over_the_days() {
    let mut settings = calm(400, 2_000, 3, 6);
    settings.faults.scrub_days = 10;
    settings.faults.rot_leaves = 0.0;
    let mut world = World::new(settings);
    steps(&mut world, 1);
    for slot in 0..12_000 {
        world.lose(slot, Piece::Rotten);
    }
    let mut before = world.unseen();
    for day in 0..10 {
        steps(&mut world, 48);
        let seen = before - world.unseen();
        before = world.unseen();
        assert!(
            (400..2_400).contains(&seen),
            "{seen} of 12,000 on day {day}"
        );
    }
}

#[test]
fn every_scenario_and_sweep_keeps_the_rules_of_the_protocol() {
    let base = Settings::default();
    let mut all: Vec<Settings> = SCENARIOS.iter().map(|one| one.settings(&base)).collect();
    all.extend(SWEEPS.iter().flat_map(|one| one.settings(&base, 2)));
    for one in all {
        assert!(
            60 + one.due_s < one.period_s,
            "{}: due before the next freeze",
            one.name
        );
        assert!(one.k < one.n && one.n <= 256, "{}: a code", one.name);
        assert!(
            one.terms.bounty_share <= 0.5,
            "{}: half of the repair part at most",
            one.name
        );
        assert!(
            one.terms.reporter_share <= 0.5,
            "{}: half of a slash at most",
            one.name
        );
        assert!(
            one.terms.slash_factor >= 5,
            "{}: five times the pay",
            one.name
        );
        assert!(
            one.terms.declared_days >= 3.0,
            "{}: three times a day at least",
            one.name
        );
    }
    let mut names: Vec<&str> = SCENARIOS.iter().map(|one| one.name).collect();
    names.extend(SWEEPS.iter().map(|one| one.name));
    let many = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), many, "no name twice");
    assert!(sweeps::by_name("churn").is_some() && sweeps::by_name("Churn").is_none());
}

#[test]
fn tables_have_a_value_for_every_column() {
    let outcome = done(Settings {
        days: 3,
        ..troubled()
    });
    for table in [
        days_csv(&outcome),
        summary_csv(&[outcome.clone(), outcome.clone()]),
    ] {
        let widths: Vec<usize> = table.lines().map(|line| line.split(',').count()).collect();
        assert!(widths.len() > 2, "a header and rows");
        assert!(widths.iter().all(|width| *width == widths[0]), "{widths:?}");
    }
    assert_eq!(outcome.column("day").len(), 4, "the start and three days");
    assert!(outcome.column("no such column").is_empty());
    let deals: u64 = outcome.whole_pieces.iter().sum();
    assert_eq!(at(number(outcome.whole_pieces.len())), 13, "0 to n");
    assert_eq!(deals, 1_000, "every deal once");
}
