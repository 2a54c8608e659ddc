//! What each command does.

use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use cairn_client::durability::NodeFailures;
use cairn_client::{
    ActivationOutcome, AuditAnswer, AuditOptions, ByteRange, Catalog, Client, Config, Entropy,
    InitOptions, Progress, PutOptions, PutReport, Silent, SlotAudit,
};

use crate::args::{Args, Command};
use crate::bars::Bars;
use crate::{json, text};

/// Everything asked for was done, but for some pieces.
const INCOMPLETE: u8 = 3;

pub(crate) fn run(args: Args, home: &Path) -> Result<ExitCode> {
    if let Command::Init {
        rpc,
        deployment,
        key_file,
        k,
        n,
        json,
    } = args.command
    {
        let options = InitOptions {
            rpc_urls: rpc,
            deployment,
            key_file,
            k,
            n,
        };
        return init(home, &options, json);
    }
    tokio::runtime::Runtime::new()
        .context("the runtime could not be started")?
        .block_on(chain_command(args.command, home))
}

fn init(home: &Path, options: &InitOptions, as_json: bool) -> Result<ExitCode> {
    let config = Config::init(home, options, &Entropy::system())?;
    let account = config.wallet_key()?.address();
    if as_json {
        json::init(&config, account)?;
    } else {
        text::init(&config, account)?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn chain_command(command: Command, home: &Path) -> Result<ExitCode> {
    let config = Config::read(home)?;
    match command {
        Command::Init { .. } => {}
        Command::Put {
            file,
            name,
            k,
            n,
            periods,
            kind,
            activation_periods,
            price,
            relay,
            verify,
            no_wait,
            assumed,
            json,
        } => {
            let name = name
                .or_else(|| file_name(&file))
                .context("give the object a --name")?;
            let options = PutOptions {
                k,
                n,
                periods,
                kind: kind.into(),
                activation_periods,
                price,
                relay,
                verify: verify.into(),
                wait: !no_wait,
            };
            let assumed = assumed.into();
            return put(config, &file, &name, options, &assumed, json).await;
        }
        Command::Get {
            name,
            output,
            range,
            json,
        } => get(config, &name, &output, range, json).await?,
        Command::Ls { json } => ls(&config, json)?,
        Command::Status {
            name,
            assumed,
            json: as_json,
        } => {
            let assumed = assumed.into();
            let objects = open(config, true).await?.status(name.as_deref()).await?;
            if as_json {
                json::status(&objects, &assumed)?;
            } else {
                text::status(&objects, &assumed)?;
            }
        }
        command @ (Command::Audit { .. }
        | Command::Extend { .. }
        | Command::End { .. }
        | Command::Withdraw { .. }
        | Command::Rm { .. }) => {
            return deal_command(command, config).await;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn ls(config: &Config, as_json: bool) -> Result<()> {
    let objects = Catalog::at(config.catalog_path()).read()?.objects;
    if as_json {
        json::ls(&objects)?;
    } else {
        text::ls(&objects)?;
    }
    Ok(())
}

/// What is done about the deals of a stored object.
async fn deal_command(command: Command, config: Config) -> Result<ExitCode> {
    match command {
        Command::Audit {
            name,
            challenge,
            json: as_json,
        } => {
            let options = AuditOptions {
                challenge_for: challenge,
            };
            let audits = open(config, true).await?.audit(&name, options).await?;
            if as_json {
                json::audit(&audits)?;
            } else {
                text::audit(&audits)?;
            }
            let silent = |audit: &SlotAudit| matches!(audit.answer, AuditAnswer::Nothing { .. });
            if audits.iter().any(silent) {
                return Ok(ExitCode::from(INCOMPLETE));
            }
        }
        Command::Extend { name, periods } => {
            let deals = open(config, true).await?.extend(&name, periods).await?;
            text::extended(&name, deals, periods)?;
        }
        Command::End { name, lost: false } => {
            let deals = open(config, true).await?.end_early(&name).await?;
            text::ended(&name, deals)?;
        }
        Command::End { name, lost: true } => {
            let ended = open(config, true).await?.end_lost(&name).await?;
            text::ended_lost(&name, &ended)?;
        }
        Command::Withdraw { json: as_json } => {
            let client = open(config, true).await?;
            let taken = client.market().withdraw_owed(client.account()).await?;
            if as_json {
                json::withdrawn(&taken)?;
            } else {
                text::withdrawn(&taken)?;
            }
        }
        Command::Rm {
            name,
            json: as_json,
        } => {
            let removed = open(config, true).await?.remove(&name).await?;
            if as_json {
                json::rm(&removed)?;
            } else {
                text::rm(&removed)?;
            }
        }
        _ => {}
    }
    Ok(ExitCode::SUCCESS)
}

async fn open(config: Config, silent: bool) -> Result<Client> {
    let progress: Arc<dyn Progress> = if silent {
        Arc::new(Silent)
    } else {
        Arc::new(Bars::default())
    };
    Ok(Client::open_watched(config, progress).await?)
}

async fn put(
    config: Config,
    file: &Path,
    name: &str,
    options: PutOptions,
    assumed: &NodeFailures,
    as_json: bool,
) -> Result<ExitCode> {
    let reader = if is_stdio(file) {
        descriptor(&std::io::stdin())?
    } else {
        let reader = tokio::fs::File::open(file)
            .await
            .with_context(|| file.display().to_string())?;
        anyhow::ensure!(
            reader.metadata().await?.is_file(),
            "{} is not a file",
            file.display()
        );
        reader
    };
    let client = open(config, as_json).await?;
    let report = client.put(reader, name, options).await?;
    if as_json {
        json::put(&report, &client, assumed)?;
    } else {
        text::put(&report, &client, assumed).await?;
    }
    Ok(exit_code(&report))
}

async fn get(
    config: Config,
    name: &str,
    output: &Path,
    range: ByteRange,
    as_json: bool,
) -> Result<()> {
    if is_stdio(output) {
        // standard output is the object's
        open(config, true)
            .await?
            .get(name, descriptor(&std::io::stdout())?, range)
            .await?;
        return Ok(());
    }
    let report = open(config, as_json)
        .await?
        .get_to_file(name, output, range)
        .await?;
    if as_json {
        json::get(name, output, &report)?;
    } else {
        text::get(name, output, &report)?;
    }
    Ok(())
}

/// Standard input or output as a file of its own: no buffer in between, no text.
fn descriptor(stream: &impl AsFd) -> Result<tokio::fs::File> {
    Ok(tokio::fs::File::from_std(
        stream.as_fd().try_clone_to_owned()?.into(),
    ))
}

fn is_stdio(path: &Path) -> bool {
    path == Path::new("-")
}

fn file_name(file: &Path) -> Option<String> {
    if is_stdio(file) {
        None
    } else {
        file.file_name()?.to_str().map(str::to_owned)
    }
}

fn exit_code(report: &PutReport) -> ExitCode {
    let all_active = !matches!(report.activation, ActivationOutcome::Partial { .. });
    if all_active && report.failures().next().is_none() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(INCOMPLETE)
    }
}
