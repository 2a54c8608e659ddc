//! Output for people.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::Path;

use cairn_client::durability::{NodeFailures, Sampling};
use cairn_client::{
    ActivationOutcome, AuditAnswer, Client, Config, GetReport, ObjectEntry, ObjectKind,
    ObjectState, ObjectStatus, PutReport, RemovedObject, SlotAudit, SlotReading,
};
use cairn_contracts::{Owed, SlotStatus};
use cairn_wire::{Address, DealId, Period, SectorKind};

use crate::chances::{self, Held};

pub(crate) fn init(config: &Config, account: Address) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "home     {}", config.folder().display())?;
    writeln!(out, "account  {account}")?;
    writeln!(out, "code     {}-of-{}", config.k, config.n)?;
    writeln!(
        out,
        "Keep wallet.key and catalog.json: without the catalog's keys nothing can be read."
    )
}

pub(crate) async fn put(
    report: &PutReport,
    client: &Client,
    assumed: &NodeFailures,
) -> anyhow::Result<()> {
    let activate_by = match report.segments.first() {
        Some(segment) => client
            .market()
            .deal(segment.deal)
            .await
            .ok()
            .flatten()
            .map(|deal| deal.activate_by),
        None => None,
    };
    let mut out = io::stdout().lock();
    let deals = report.segments.len();
    writeln!(
        out,
        "{:?}: {} bytes, {}-of-{}, in {}",
        report.name,
        report.plain_bytes,
        report.k,
        report.n,
        count(
            deals,
            &format!("{} deal", ObjectKind::from(report.kind).as_str())
        )
    )?;
    writeln!(
        out,
        "escrow {} = {} x {} slots x {} periods x {}",
        report.escrow,
        count(deals, "deal"),
        report.n,
        report.periods,
        report.price
    )?;
    for receipt in &report.opened {
        writeln!(
            out,
            "opened in block {}, transaction 0x{}",
            receipt.block,
            hex::encode(receipt.tx)
        )?;
    }
    traffic(&mut out, report)?;
    not_stored(&mut out, report, activate_by)?;
    match report.activation {
        ActivationOutcome::NotAwaited => writeln!(
            out,
            "accepted; not waited for activation (see `cairn status`)"
        )?,
        ActivationOutcome::Complete { slots } => {
            writeln!(out, "active: all {slots} accepted pieces")?;
        }
        ActivationOutcome::Partial { active, accepted } => {
            writeln!(
                out,
                "active: {active} of {accepted} accepted pieces (see `cairn status`)"
            )?;
        }
    }
    writeln!(out, "{}", what_is_proven(report.kind))?;
    let sampling = sampling(client);
    writeln!(out)?;
    chances::detection(&mut out, sampling, None)?;
    chances::durability(&mut out, Held::by_put(report, sampling), assumed)?;
    Ok(())
}

/// The pieces that no node holds, and what becomes of their slots.
fn not_stored(
    out: &mut impl io::Write,
    report: &PutReport,
    activate_by: Option<Period>,
) -> io::Result<()> {
    for failure in report.failures() {
        writeln!(out, "not stored: {failure}")?;
    }
    if report.failures().next().is_some() {
        let when = activate_by.map_or_else(
            || "the last period it may be filled in".to_owned(),
            |last| format!("period {last}"),
        );
        writeln!(
            out,
            "A slot that stayed empty can only be filled by the provider it names; its escrow is refunded when the \
             slot is closed (by anybody) after {when}."
        )?;
    }
    Ok(())
}

/// How often the nodes of the client's market are sampled.
pub(crate) fn sampling(client: &Client) -> Sampling {
    let market = client.market();
    Sampling {
        samples: market.deployment().parameters.post_samples,
        period_s: market.schedule().period_s,
    }
}

/// So many of something.
fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

/// What went over this line, and by whom it was relayed.
fn traffic(out: &mut impl io::Write, report: &PutReport) -> io::Result<()> {
    let (sent, direct) = (report.line_bytes, report.direct_bytes);
    writeln!(
        out,
        "sent {sent} bytes over this line; sending each piece directly takes {direct}"
    )?;
    for segment in &report.segments {
        let Some(relay) = &segment.relay else {
            continue;
        };
        let (deal, got, n) = (segment.deal, segment.relayed(), segment.slots.len());
        match relay.provider {
            Some(provider) => writeln!(
                out,
                "deal {deal}: {got} of {n} pieces relayed by {provider}"
            )?,
            None => writeln!(out, "deal {deal}: no relay; all pieces were sent directly")?,
        }
        if let Some(trouble) = &relay.trouble {
            writeln!(out, "  the relay: {trouble}")?;
        }
    }
    Ok(())
}

/// What a deal of this kind shows, wherever a user has chosen it.
const fn what_is_proven(kind: SectorKind) -> &'static str {
    match kind {
        SectorKind::Hot => {
            "Hot deals prove that each provider holds its piece, not that the providers are independent of each other."
        }
        SectorKind::Sealed => {
            "Sealed deals prove that each provider stores a replica of its own: k providers that collude would have to \
             seal again to answer for the rest. A slot counts once its sector is sealed and proven."
        }
    }
}

pub(crate) fn get(name: &str, output: &Path, report: &GetReport) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{name:?}: {} verified bytes from {} nodes in {}",
        report.bytes,
        report.served_by,
        output.display()
    )?;
    for trouble in &report.troubles {
        writeln!(out, "  {trouble}")?;
    }
    Ok(())
}

pub(crate) fn ls(objects: &BTreeMap<String, ObjectEntry>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (name, entry) in objects {
        let state = match entry.state {
            ObjectState::Stored => "",
            ObjectState::Opened => "  (upload not completed)",
        };
        let deals = entry.segments.len();
        writeln!(
            out,
            "{:>14}  {:>3}-of-{:<3} {deals:>4} {:<6} deals  {name}{state}",
            entry.plain_bytes,
            entry.k,
            entry.n,
            entry.kind.as_str()
        )?;
    }
    Ok(())
}

pub(crate) fn status(objects: &[ObjectStatus], assumed: &NodeFailures) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for object in objects {
        writeln!(
            out,
            "{:?}: {} bytes, {}-of-{}",
            object.name, object.plain_bytes, object.k, object.n
        )?;
        for deal in &object.deals {
            let Some(info) = &deal.info else {
                writeln!(out, "  deal {}: unknown to the chain", deal.deal)?;
                continue;
            };
            let filled = deal.slots.iter().filter(|slot| is_filled(slot)).count();
            writeln!(
                out,
                "  deal {} ({}): {filled} of {} slots filled ({} needed), periods {} to {} (now {}), price {}, escrow left {}",
                deal.deal,
                ObjectKind::from(info.kind).as_str(),
                info.n,
                info.k,
                info.start_period,
                info.end_period,
                object.period,
                info.price_per_slot_period,
                info.escrow_left
            )?;
            for slot in &deal.slots {
                slot_line(&mut out, slot)?;
            }
        }
        // of many objects the table says nearly the same
        if objects.len() == 1 {
            chances::detection(&mut out, object.sampling, object.least_share())?;
        }
        chances::durability(&mut out, Held::of(object), assumed)?;
    }
    Ok(())
}

fn is_filled(slot: &SlotReading) -> bool {
    matches!(slot.status, SlotStatus::Filled { .. })
}

fn slot_line(out: &mut impl io::Write, slot: &SlotReading) -> io::Result<()> {
    write!(out, "    slot {:>3}  {}  ", slot.slot, slot.provider)?;
    match slot.status {
        SlotStatus::Empty => match slot.sealing {
            Some(stage) => writeln!(out, "empty; {stage}"),
            None => writeln!(out, "empty"),
        },
        SlotStatus::Freed => writeln!(out, "freed, paid {}", slot.paid),
        SlotStatus::Closed => writeln!(out, "closed, paid {}", slot.paid),
        SlotStatus::Filled {
            sector,
            first_period,
            ..
        } => {
            let (proven, missed, void) = (slot.uptime.proven, slot.uptime.missed, slot.uptime.void);
            writeln!(
                out,
                "sector {sector} from period {first_period}: {proven} proven, {missed} missed, {void} void; paid {}",
                slot.paid
            )
        }
    }
}

pub(crate) fn audit(audits: &[SlotAudit]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for audit in audits {
        write!(out, "deal {} slot {:>3}  ", audit.deal, audit.slot)?;
        if let Some(provider) = audit.provider {
            write!(out, "{provider}  ")?;
        }
        match &audit.answer {
            AuditAnswer::Shown { bytes, took } => write!(
                out,
                "showed bytes {} to {} in {} ms",
                bytes.start,
                bytes.end,
                took.as_millis()
            )?,
            AuditAnswer::Nothing { reason } => write!(out, "showed nothing: {reason}")?,
            AuditAnswer::NotFilled => write!(out, "nobody holds it")?,
        }
        match &audit.challenge {
            Some(Ok(id)) => writeln!(out, "; challenge {id} on chain")?,
            Some(Err(reason)) => writeln!(out, "; not challenged: {reason}")?,
            None => writeln!(out)?,
        }
    }
    let shown = |audit: &&SlotAudit| matches!(audit.answer, AuditAnswer::Shown { .. });
    writeln!(
        out,
        "{} of {} showed a random part of theirs, and it was right.",
        audits.iter().filter(shown).count(),
        count(audits.len(), "piece")
    )
}

pub(crate) fn extended(name: &str, deals: usize, periods: u32) -> io::Result<()> {
    writeln!(
        io::stdout().lock(),
        "{name:?}: {} paid for {periods} periods more",
        count(deals, "deal")
    )
}

pub(crate) fn ended(name: &str, deals: usize) -> io::Result<()> {
    writeln!(
        io::stdout().lock(),
        "{name:?}: {} ended with the next period; what was paid for later ones is credited to the wallet (`cairn withdraw`)",
        count(deals, "deal")
    )
}

pub(crate) fn ended_lost(name: &str, ended: &[(DealId, bool)]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (deal, was_lost) in ended {
        let outcome = if *was_lost {
            "ended; what was not earned is credited to the wallet (`cairn withdraw`)"
        } else {
            "goes on: it has not had too few filled slots for long enough"
        };
        writeln!(out, "{name:?}: deal {deal} {outcome}")?;
    }
    Ok(())
}

pub(crate) fn withdrawn(taken: &Owed) -> io::Result<()> {
    if taken.total() == 0 {
        return writeln!(io::stdout().lock(), "nothing is owed to this wallet");
    }
    writeln!(
        io::stdout().lock(),
        "{} taken out: {} from deals, {} bounties, {} bonds",
        taken.total(),
        taken.deals,
        taken.bounties,
        taken.bonds
    )
}

pub(crate) fn rm(removed: &RemovedObject) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "forgotten: {:?}, {} bytes; its key is gone, nobody can read it",
        removed.name, removed.plain_bytes
    )?;
    for deal in &removed.deals {
        match (deal.end, deal.escrow_left) {
            (Some((end, unix)), Some(escrow)) => writeln!(
                out,
                "  deal {} ends with period {end} (Unix time {unix}); escrow left {escrow}",
                deal.deal
            )?,
            _ => writeln!(
                out,
                "  deal {}: the chain could not be asked about it",
                deal.deal
            )?,
        }
    }
    writeln!(
        out,
        "After its end anybody may close a deal's slots; what was not earned goes back to the wallet."
    )
}
