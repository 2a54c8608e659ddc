//! Commands that move the operator's slots, windows and money on chain. What cannot be undone is only told, with its cost,
//! until it is said again with `--yes`.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use cairn_contracts::{Chain, CollateralTerms, Deployment, Schedule, SlotStatus};
use cairn_storage_node::config::{Config, read_operator_key};
use cairn_wire::{Address, DealId, Period, SlotIndex, TreeIndex};
use clap::{Args, Subcommand};

/// What the contracts charge for a declared fault: so many times the tree's pay.
const DECLARED_FACTOR: u128 = 3;

#[derive(Debug, Subcommand)]
pub(crate) enum MarketCommand {
    /// Declares that a tree cannot be proven for some periods, from the next one not yet frozen: no miss is counted in them.
    ///
    /// Costs three times the tree's pay of each of these periods, burned at once out of the collateral, and the periods'
    /// pay. Dearer than maintenance, cheaper than a miss. Cannot be taken back, nor cut short.
    DeclareFault {
        #[command(flatten)]
        common: Common,
        /// For how many periods
        #[arg(long)]
        periods: u32,
        /// Do it
        #[arg(long)]
        yes: bool,
    },
    /// Announces that a tree will not be proven in some periods to come: no miss is counted in them.
    ///
    /// Costs nothing but these periods' pay. It must be announced ahead, and can be only once in a while: the deployment
    /// says how far and how often. Cannot be taken back; the next one counts from it.
    AnnounceMaintenance {
        #[command(flatten)]
        common: Common,
        /// The first of them (default: the earliest that may be announced)
        #[arg(long)]
        first: Option<u64>,
        /// How many periods
        #[arg(long)]
        periods: u32,
        /// Do it
        #[arg(long)]
        yes: bool,
    },
    /// Gives up a slot, or all slots of this provider, to whoever repairs them.
    ///
    /// Costs the repair part of each slot's collateral, which pays for its repair, and the pay from now on; what was proven
    /// stays earned, the fault part becomes free. Keep the node running until the slots are repaired: others may fetch from
    /// it. Cannot be taken back: who gave up a slot may not repair it. A challenged slot stays until that is over.
    Vacate {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
        /// The deal
        #[arg(long, requires = "slot", conflicts_with = "all")]
        deal: Option<u64>,
        /// The slot
        #[arg(long, requires = "deal")]
        slot: Option<u8>,
        /// All slots of this provider; set `quota_bytes = 0` and restart the node first, or it fills new ones
        #[arg(long, required_unless_present = "deal")]
        all: bool,
        /// Do it
        #[arg(long)]
        yes: bool,
    },
    /// Ends a deal that had fewer than k filled slots for too long: what was not earned goes back to its owner.
    ///
    /// Costs gas; anybody may. Cannot be undone: who still holds a piece of it is paid until now and no more.
    EndLost {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
        /// The deal
        #[arg(long)]
        deal: u64,
    },
    /// Asks back collateral that answers for no slot. `withdraw` takes it out after the deployment's delay.
    ///
    /// Costs gas. What is asked back still answers for slashes meanwhile, and for no new slot. A new request replaces the one
    /// before and waits anew; asking for 0 cancels it.
    Unstake {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
        /// How many of the token's smallest units
        #[arg(long)]
        tokens: u128,
    },
    /// Takes out what the contracts owe this account: pay, bounties, bonds, collateral whose delay is over.
    ///
    /// Costs gas, a transaction each. The tokens go to the account of `operator_key`.
    Withdraw {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Common {
    /// The configuration file
    #[arg(long)]
    config: PathBuf,
    /// Which of this provider's trees
    #[arg(long, default_value_t = 0)]
    tree: u32,
}

pub(crate) async fn run(command: MarketCommand) -> anyhow::Result<()> {
    match command {
        MarketCommand::DeclareFault {
            common,
            periods,
            yes,
        } => {
            declare_fault(
                &Operator::open(&common.config).await?,
                common.tree,
                periods,
                yes,
            )
            .await
        }
        MarketCommand::AnnounceMaintenance {
            common,
            first,
            periods,
            yes,
        } => {
            let operator = Operator::open(&common.config).await?;
            announce(&operator, TreeIndex(common.tree), first, periods, yes).await
        }
        MarketCommand::Vacate {
            config,
            deal,
            slot,
            yes,
            all: _,
        } => {
            let operator = Operator::open(&config).await?;
            let one = deal.zip(slot);
            vacate(
                &operator,
                one.map(|(deal, slot)| (DealId(deal), SlotIndex(slot))),
                yes,
            )
            .await
        }
        MarketCommand::EndLost { config, deal } => {
            let operator = Operator::open(&config).await?;
            operator.chain.end_lost(DealId(deal)).await?;
            say(&format!(
                "deal {deal} ended: what was not earned is its owner's again"
            ))
        }
        MarketCommand::Unstake { config, tokens } => {
            let operator = Operator::open(&config).await?;
            operator.chain.request_collateral(tokens).await?;
            let account = operator.chain.collateral_of(operator.me).await?;
            say(&format!(
                "{} asked back; `cairn-node withdraw` takes it out from Unix time {} on",
                account.withdrawing, account.withdrawable_at_unix
            ))
        }
        MarketCommand::Withdraw { config } => {
            let operator = Operator::open(&config).await?;
            withdraw(&operator).await
        }
    }
}

/// The operator's account on the chain.
pub(crate) struct Operator {
    pub(crate) chain: Chain,
    pub(crate) me: Address,
    terms: CollateralTerms,
    schedule: Schedule,
}

impl Operator {
    pub(crate) async fn open(config: &std::path::Path) -> anyhow::Result<Self> {
        let config = Config::read(config)?;
        let key = read_operator_key(&config.operator_key)?;
        let me = key.address();
        let deployment = Deployment::read(&config.deployment)?;
        let (terms, schedule) = (deployment.collateral_terms, deployment.schedule);
        let options = config.chain_options();
        let chain = Chain::connect_with(&config.rpc_urls, deployment, Some(key), options).await?;
        Ok(Self {
            chain,
            me,
            terms,
            schedule,
        })
    }

    async fn open_period(&self) -> anyhow::Result<Period> {
        let head = self.chain.head().await?;
        Ok(self.schedule.open_period(head.timestamp))
    }

    /// The slots this provider fills.
    async fn filled(&self) -> anyhow::Result<Vec<(DealId, SlotIndex)>> {
        let mut filled = self.chain.holders().await?;
        filled.retain(|_, provider| *provider == self.me);
        Ok(filled.into_keys().collect())
    }
}

/// Takes out all that is owed.
async fn withdraw(operator: &Operator) -> anyhow::Result<()> {
    let taken = operator.chain.withdraw_owed(operator.me).await?;
    if taken.total() == 0 {
        return say("nothing is owed to this account");
    }
    say(&format!(
        "{} taken out: {} pay, {} bounties, {} bonds, {} collateral",
        taken.total(),
        taken.deals,
        taken.bounties,
        taken.bonds,
        taken.collateral
    ))
}

async fn declare_fault(
    operator: &Operator,
    tree: u32,
    periods: u32,
    yes: bool,
) -> anyhow::Result<()> {
    let (least, most) = (operator.terms.least_fault, operator.terms.most_fault);
    ensure!(
        (least..=most).contains(&periods),
        "a fault lasts {least} to {most} periods here"
    );
    let tree = TreeIndex(tree);
    let first = operator.open_period().await?;
    let pay = operator.chain.pay_at(operator.me, tree, first).await?;
    let cost = pay
        .saturating_mul(DECLARED_FACTOR)
        .saturating_mul(periods.into());
    let last = first.0.saturating_add(u64::from(periods)).saturating_sub(1);
    let what = format!(
        "periods {first} to {last} of tree {tree}: no miss is counted, no pay is earned; {cost} of the collateral are burned \
         ({DECLARED_FACTOR} x {periods} periods x {pay})"
    );
    if !confirmed(&what, yes)? {
        return Ok(());
    }
    operator.chain.declare_fault(tree, periods).await?;
    say(&format!("declared: {what}"))
}

async fn announce(
    operator: &Operator,
    tree: TreeIndex,
    first: Option<u64>,
    periods: u32,
    yes: bool,
) -> anyhow::Result<()> {
    let (most, every) = (
        operator.terms.maintenance_periods,
        operator.terms.maintenance_every,
    );
    ensure!(
        (1..=most).contains(&periods),
        "maintenance lasts 1 to {most} periods here"
    );
    // The chain's next block may lie in the next period.
    let earliest = operator.open_period().await?.0 + u64::from(most) + 1;
    let first = first.unwrap_or(earliest);
    let last = first.saturating_add(u64::from(periods)).saturating_sub(1);
    let what = format!(
        "periods {first} to {last} ({periods} in all) of tree {tree}: no miss is counted, no pay is earned; the next maintenance begins {every} \
         periods after this one's first at the earliest"
    );
    if !confirmed(&what, yes)? {
        return Ok(());
    }
    let sent = operator
        .chain
        .announce_maintenance(tree, Period(first), periods)
        .await;
    sent.with_context(|| {
        format!("announced {most} periods ahead at least, and once in {every} periods")
    })?;
    say(&format!("announced: {what}"))
}

async fn vacate(
    operator: &Operator,
    one: Option<(DealId, SlotIndex)>,
    yes: bool,
) -> anyhow::Result<()> {
    let slots = match one {
        Some(slot) => vec![slot],
        None => operator.filled().await?,
    };
    let mut cost = 0_u128;
    for (deal, slot) in &slots {
        let status = operator.chain.slot(*deal, *slot).await?.status;
        let mine = matches!(status, SlotStatus::Filled { provider, .. } if provider == operator.me);
        ensure!(
            mine,
            "slot {slot} of deal {deal} is not filled by this provider"
        );
        let info = operator.chain.deal(*deal).await?;
        let price = info.map_or(0, |info| info.price_per_slot_period);
        cost = cost.saturating_add(operator.terms.parts_of(price).1);
    }
    let what = format!(
        "slots given up: {}; {cost} of the collateral pay for their repair",
        slots.len()
    );
    if slots.is_empty() {
        return say("this provider fills no slot");
    }
    if !confirmed(&what, yes)? {
        return Ok(());
    }
    let mut kept = 0_usize;
    for (deal, slot) in slots {
        match operator.chain.vacate(deal, slot).await {
            Ok(_) => say(&format!("deal {deal} slot {slot}: given up"))?,
            Err(error) => {
                kept += 1;
                say(&format!("deal {deal} slot {slot}: kept, {error}"))?;
            }
        }
    }
    if kept > 0 {
        bail!("{kept} slots were not given up");
    }
    Ok(())
}

/// Says what would be done, unless it was asked for.
fn confirmed(what: &str, yes: bool) -> anyhow::Result<bool> {
    if !yes {
        say(&format!(
            "{what}\nThis cannot be taken back. Nothing was done: say it again with --yes."
        ))?;
    }
    Ok(yes)
}

pub(crate) fn say(line: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{line}").context("writing to the terminal")
}
