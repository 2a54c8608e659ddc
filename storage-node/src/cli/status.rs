//! `cairn-node status`: one page from `/health` and the chain.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use cairn_contracts::{Chain, Deployment};
use cairn_storage_node::config::{Config, read_operator_key};
use cairn_storage_node::dashboard::{Counter, Gauge, Health};
use cairn_wire::{Address, Period, TreeIndex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(5);
const MAX_ANSWER_BYTES: u64 = 1 << 20;
/// Periods looked back at.
const LOOK_BACK: u64 = 20;

pub(crate) async fn run(config: &Config) -> anyhow::Result<()> {
    let mut page = String::new();
    match tokio::time::timeout(PATIENCE, ask_health(config.dashboard)).await {
        Ok(Ok(health)) => node_part(&mut page, &health)?,
        Ok(Err(error)) => writeln!(page, "node      not running here ({error:#})")?,
        Err(_) => writeln!(page, "node      does not answer at {}", config.dashboard)?,
    }
    let me = read_operator_key(&config.operator_key)?.address();
    if let Err(error) = chain_part(&mut page, config, me).await {
        writeln!(page, "chain     cannot be asked: {error}")?;
    }
    write!(std::io::stdout(), "{page}").context("writing to the terminal")
}

fn node_part(page: &mut String, health: &Health) -> anyhow::Result<()> {
    let value = |name: &str| health.values.get(name).copied().unwrap_or(0);
    writeln!(
        page,
        "node      {} at {}, provider {}",
        health.status, health.listen, health.provider
    )?;
    for (alarm, words) in &health.alarms {
        writeln!(page, "ALARM     {alarm}: {words}")?;
    }
    let (pieces, bytes) = (value(Gauge::Pieces.name()), value(Gauge::PieceBytes.name()));
    writeln!(
        page,
        "pieces    {pieces} ({:.1} MiB), {} waiting",
        mib(bytes),
        value(Gauge::SlotsWaiting.name())
    )?;
    let (sectors, active) = (
        value(Gauge::SectorsRegistered.name()),
        value(Gauge::SlotsActive.name()),
    );
    writeln!(page, "on chain  {sectors} sectors, {active} slots active")?;
    writeln!(
        page,
        "windows   {} counted, {} missed, {} excused since the start; last proof {} ms",
        value(Counter::WindowsCounted.name()),
        value(Counter::WindowsMissed.name()),
        value(Counter::WindowsExcused.name()),
        value(Gauge::ProofMillis.name()),
    )?;
    for line in &health.sealing {
        writeln!(page, "sealing   {line}")?;
    }
    writeln!(
        page,
        "disk      {:.1} MiB free, {} faults",
        mib(value(Gauge::FreeBytes.name())),
        value(Counter::DiskFaults.name())
    )?;
    Ok(())
}

async fn chain_part(page: &mut String, config: &Config, me: Address) -> anyhow::Result<()> {
    let deployment = Deployment::read(&config.deployment)?;
    let schedule = deployment.schedule;
    let chain = Chain::connect(&config.rpc_urls, deployment, None).await?;
    let head = chain.head().await?;
    let period = schedule.period_of(head.timestamp);
    writeln!(
        page,
        "chain     block {}, period {period}, deadline in {} s",
        head.number,
        schedule.deadline(period).saturating_sub(head.timestamp)
    )?;
    match chain.provider(me).await? {
        Some(entry) => writeln!(page, "registry  {me} at {}", entry.endpoint)?,
        None => writeln!(
            page,
            "registry  {me} is NOT registered: run `cairn-node init --register`"
        )?,
    }
    let from = Period(period.0.saturating_sub(LOOK_BACK));
    let last = Period(period.0.saturating_sub(1));
    let uptime = chain.uptime(me, TreeIndex(0), from, last).await?;
    writeln!(
        page,
        "uptime    {} proven, {} missed, {} void of the last {LOOK_BACK} periods (tree 0)",
        uptime.proven, uptime.missed, uptime.void
    )?;
    writeln!(
        page,
        "pay       {} credited and not withdrawn, {} in the account",
        chain.credit_of(me).await?,
        chain.balance_of(me).await?
    )?;
    Ok(())
}

/// One HTTP request to ourselves; a whole client would be a big guest for two lines.
async fn ask_health(address: SocketAddr) -> anyhow::Result<Health> {
    let mut stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("connecting to {address}"))?;
    let request = format!("GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .await
        .context("asking")?;
    let mut answer = Vec::new();
    stream
        .take(MAX_ANSWER_BYTES)
        .read_to_end(&mut answer)
        .await
        .context("reading the answer")?;
    let text = String::from_utf8(answer).context("the answer is no text")?;
    let (_, body) = text
        .split_once("\r\n\r\n")
        .context("the answer has no body")?;
    serde_json::from_str(body).context("the answer is not the health page")
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
