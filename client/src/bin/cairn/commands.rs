//! What each command does.

use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use cairn_client::{
    ActivationOutcome, ByteRange, Client, Config, Entropy, InitOptions, Progress, PutOptions,
    PutReport, Silent,
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
        json::init(&config, account)?
    } else {
        text::init(&config, account)?
    }
    Ok(ExitCode::SUCCESS)
}

async fn chain_command(command: Command, home: &Path) -> Result<ExitCode> {
    let config = Config::read(home)?;
    match command {
        Command::Init { .. } => Ok(ExitCode::SUCCESS),
        Command::Put {
            file,
            name,
            k,
            n,
            periods,
            price,
            no_wait,
            json,
        } => {
            let client = open(config, json).await?;
            let name = name
                .or_else(|| file_name(&file))
                .context("give the object a --name")?;
            let report = put(
                &client,
                &file,
                &name,
                PutOptions {
                    k,
                    n,
                    periods,
                    price,
                    wait: !no_wait,
                },
            )
            .await?;
            if json {
                json::put(&report)?
            } else {
                text::put(&report, &client).await?
            }
            Ok(exit_code(&report))
        }
        Command::Get {
            name,
            output,
            range,
            json,
        } => {
            let client = open(config, json || is_stdio(&output)).await?;
            let report = get(&client, &name, &output, range).await?;
            // standard output is the object's
            if !is_stdio(&output) {
                if json {
                    json::get(&name, &output, &report)?
                } else {
                    text::get(&name, &output, &report)?
                }
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Ls { json } => {
            let catalog = cairn_client::Catalog::at(config.catalog_path());
            let objects = catalog.read()?.objects;
            if json {
                json::ls(&objects)?
            } else {
                text::ls(&objects)?
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Status { name, json } => {
            let client = open(config, true).await?;
            let objects = client.status(name.as_deref()).await?;
            if json {
                json::status(&objects)?
            } else {
                text::status(&objects)?
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Rm { name, json } => {
            let client = open(config, true).await?;
            let removed = client.remove(&name).await?;
            if json {
                json::rm(&removed)?
            } else {
                text::rm(&removed)?
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn open(config: Config, silent: bool) -> Result<Client> {
    let progress: Arc<dyn Progress> = if silent {
        Arc::new(Silent)
    } else {
        Arc::new(Bars::default())
    };
    Ok(Client::open_watched(config, progress).await?)
}

async fn put(client: &Client, file: &Path, name: &str, options: PutOptions) -> Result<PutReport> {
    if is_stdio(file) {
        return Ok(client
            .put(descriptor(&std::io::stdin())?, name, options)
            .await?);
    }
    let reader = tokio::fs::File::open(file)
        .await
        .with_context(|| file.display().to_string())?;
    anyhow::ensure!(
        reader.metadata().await?.is_file(),
        "{} is not a file",
        file.display()
    );
    Ok(client.put(reader, name, options).await?)
}

async fn get(
    client: &Client,
    name: &str,
    output: &Path,
    range: ByteRange,
) -> Result<cairn_client::GetReport> {
    if is_stdio(output) {
        return Ok(client
            .get(name, descriptor(&std::io::stdout())?, range)
            .await?);
    }
    Ok(client.get_to_file(name, output, range).await?)
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
