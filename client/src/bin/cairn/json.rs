//! Output for programs: one JSON document on standard output. Token amounts are decimal strings, as they exceed what
//! many readers take for a number.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::Path;

use cairn_client::durability::{NodeFailures, Sampling};
use cairn_client::{
    ActivationOutcome, AuditAnswer, Client, Config, GetReport, ObjectEntry, ObjectKind,
    ObjectStatus, PutReport, RelayReport, RemovedObject, SlotAudit, SlotReading, SlotReport,
    SlotResult,
};
use cairn_contracts::{Owed, SlotStatus};
use cairn_wire::{Address, SectorKind};
use serde_json::{Value, json};

use crate::chances::{DAYS, Held, LOSSES};
use crate::text;

fn print(value: &Value) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{value:#}")
}

pub(crate) fn init(config: &Config, account: Address) -> io::Result<()> {
    print(&json!({ "home": config.folder(), "account": account, "k": config.k, "n": config.n }))
}

pub(crate) fn put(report: &PutReport, client: &Client, assumed: &NodeFailures) -> io::Result<()> {
    let sampling = text::sampling(client);
    let slot = |slot: &SlotReport| {
        let (comm_p, error) = match &slot.result {
            SlotResult::Stored { comm_p } => (Some(comm_p.to_string()), None),
            SlotResult::Failed(error) => (None, Some(error.to_string())),
        };
        json!({ "slot": slot.slot, "provider": slot.provider, "stored": slot.is_stored(), "relayed": slot.relayed, "comm_p": comm_p, "error": error })
    };
    let relay = |relay: &RelayReport| {
        let trouble = relay.trouble.as_ref().map(ToString::to_string);
        json!({ "provider": relay.provider, "trouble": trouble })
    };
    let segments: Vec<Value> = report
        .segments
        .iter()
        .map(|segment| {
            let slots: Vec<Value> = segment.slots.iter().map(slot).collect();
            json!({
                "deal": segment.deal,
                "segment_bytes": segment.segment_bytes,
                "piece_bytes": segment.piece_bytes,
                "relay": segment.relay.as_ref().map(relay),
                "slots": slots,
            })
        })
        .collect();
    let opened: Vec<Value> = report
        .opened
        .iter()
        .map(|tx| json!({ "tx": format!("0x{}", hex::encode(tx.tx)), "block": tx.block, "gas_used": tx.gas_used }))
        .collect();
    let activation = match report.activation {
        ActivationOutcome::NotAwaited => json!({ "awaited": false }),
        ActivationOutcome::Complete { slots } => {
            json!({ "awaited": true, "active": slots, "accepted": slots })
        }
        ActivationOutcome::Partial { active, accepted } => {
            json!({ "awaited": true, "active": active, "accepted": accepted })
        }
    };
    print(&json!({
        "name": report.name,
        "plain_bytes": report.plain_bytes,
        "k": report.k,
        "n": report.n,
        "price": report.price.to_string(),
        "periods": report.periods,
        "kind": ObjectKind::from(report.kind),
        "activation_periods": report.activation_periods,
        "escrow": report.escrow.to_string(),
        "detection": detection(sampling, None),
        "durability": durability(Held::by_put(report, sampling), assumed),
        "opened": opened,
        "line_bytes": report.line_bytes,
        "direct_bytes": report.direct_bytes,
        "segments": segments,
        "activation": activation,
    }))
}

pub(crate) fn get(name: &str, output: &Path, report: &GetReport) -> io::Result<()> {
    let troubles: Vec<Value> = report
        .troubles
        .iter()
        .map(|trouble| json!({ "provider": trouble.provider, "lied": trouble.lied, "reason": trouble.reason, "wait_s": trouble.wait_s }))
        .collect();
    print(&json!({
        "name": name,
        "output": output,
        "bytes": report.bytes,
        "served_by": report.served_by,
        "troubles": troubles,
    }))
}

pub(crate) fn ls(objects: &BTreeMap<String, ObjectEntry>) -> io::Result<()> {
    let listed: Vec<Value> = objects
        .iter()
        .map(|(name, entry)| {
            let deals: Vec<u64> = entry
                .segments
                .iter()
                .map(|segment| segment.deal.get())
                .collect();
            json!({
                "name": name,
                "state": entry.state,
                "kind": entry.kind,
                "plain_bytes": entry.plain_bytes,
                "k": entry.k,
                "n": entry.n,
                "opened_unix": entry.opened_unix,
                "deals": deals,
            })
        })
        .collect();
    print(&Value::Array(listed))
}

pub(crate) fn status(objects: &[ObjectStatus], assumed: &NodeFailures) -> io::Result<()> {
    let listed: Vec<Value> = objects.iter().map(|shown| object(shown, assumed)).collect();
    print(&Value::Array(listed))
}

pub(crate) fn audit(audits: &[SlotAudit]) -> io::Result<()> {
    let listed: Vec<Value> = audits
        .iter()
        .map(|audit| {
            let (answer, reason, ms) = match &audit.answer {
                AuditAnswer::Shown { took, .. } => ("shown", None, Some(took.as_millis())),
                AuditAnswer::Nothing { reason } => ("nothing", Some(reason.clone()), None),
                AuditAnswer::NotFilled => ("not_filled", None, None),
            };
            json!({
                "deal": audit.deal,
                "slot": audit.slot,
                "provider": audit.provider,
                "answer": answer,
                "reason": reason,
                "ms": ms.map(|ms| u64::try_from(ms).unwrap_or(u64::MAX)),
                "challenge": audit.challenge.as_ref().and_then(|made| made.as_ref().ok()),
                "challenge_error": audit.challenge.as_ref().and_then(|made| made.as_ref().err()),
            })
        })
        .collect();
    print(&Value::Array(listed))
}

fn object(object: &ObjectStatus, assumed: &NodeFailures) -> Value {
    let deals: Vec<Value> = object
        .deals
        .iter()
        .map(|deal| {
            let slots: Vec<Value> = deal.slots.iter().map(slot).collect();
            let terms = deal.info.as_ref().map(|info| {
                json!({
                    "owner": info.owner,
                    "kind": ObjectKind::from(info.kind),
                    "k": info.k,
                    "n": info.n,
                    "segment_bytes": info.segment_bytes,
                    "start_period": info.start_period,
                    "end_period": info.end_period,
                    "price": info.price_per_slot_period.to_string(),
                    "escrow_left": info.escrow_left.to_string(),
                })
            });
            json!({ "deal": deal.deal, "terms": terms, "slots": slots })
        })
        .collect();
    json!({
        "name": object.name,
        "state": object.state,
        "plain_bytes": object.plain_bytes,
        "k": object.k,
        "n": object.n,
        "period": object.period,
        "deals": deals,
        "detection": detection(object.sampling, object.least_share()),
        "durability": durability(Held::of(object), assumed),
    })
}

/// The chance that a loss is caught, for shares of all that a node stores.
fn detection(sampling: Sampling, least_share: Option<f64>) -> Value {
    let shares = LOSSES.iter().map(|(lost, _)| *lost).chain(least_share);
    let caught: Vec<Value> = shares
        .map(|lost| {
            let within: Vec<Value> = DAYS
                .iter()
                .map(|days| json!({ "days": days, "chance": sampling.caught_in(lost, sampling.periods_in(*days)) }))
                .collect();
            json!({ "lost": lost, "one_period": sampling.caught_in(lost, 1), "within": within })
        })
        .collect();
    json!({ "samples": sampling.samples, "period_s": sampling.period_s, "least_piece": least_share, "caught": caught })
}

/// The chance that a segment is lost, and what that assumes.
fn durability(held: Held, assumed: &NodeFailures) -> Value {
    let (repair_days, span_days) = match held.kind {
        SectorKind::Hot => (Some(assumed.repair_days), 365.0),
        SectorKind::Sealed => (None, held.days),
    };
    json!({
        "loss": held.loss(assumed),
        "span_days": span_days,
        "pieces": held.pieces,
        "assumed": { "failures_per_year": assumed.per_year, "repair_days": repair_days, "independent": true },
    })
}

fn slot(slot: &SlotReading) -> Value {
    let (status, sector, comm_p, first_period) = match slot.status {
        SlotStatus::Empty => ("empty", None, None, None),
        SlotStatus::Freed => ("freed", None, None, None),
        SlotStatus::Closed => ("closed", None, None, None),
        SlotStatus::Filled {
            sector,
            comm_p,
            first_period,
            ..
        } => (
            "filled",
            Some(sector),
            Some(comm_p.to_string()),
            Some(first_period),
        ),
    };
    json!({
        "slot": slot.slot,
        "provider": slot.provider,
        "status": status,
        "sector": sector,
        "comm_p": comm_p,
        "first_period": first_period,
        "sealing": slot.sealing.map(|stage| stage.to_string()),
        "paid": slot.paid.to_string(),
        "proven": slot.uptime.proven,
        "missed": slot.uptime.missed,
        "void": slot.uptime.void,
    })
}

pub(crate) fn withdrawn(taken: &Owed) -> io::Result<()> {
    print(&json!({
        "deals": taken.deals.to_string(),
        "bounties": taken.bounties.to_string(),
        "bonds": taken.bonds.to_string(),
    }))
}

pub(crate) fn rm(removed: &RemovedObject) -> io::Result<()> {
    let deals: Vec<Value> = removed
        .deals
        .iter()
        .map(|deal| {
            json!({
                "deal": deal.deal,
                "end_period": deal.end.map(|(period, _)| period),
                "end_unix": deal.end.map(|(_, unix)| unix),
                "escrow_left": deal.escrow_left.map(|left| left.to_string()),
            })
        })
        .collect();
    print(
        &json!({ "name": removed.name, "plain_bytes": removed.plain_bytes, "deals_remaining": deals }),
    )
}
