//! `cairn`: put files on the market, get them back verified.

mod args;
mod bars;
mod chances;
mod commands;
mod json;
mod text;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use crate::args::Args;

fn main() -> ExitCode {
    let args = Args::parse();
    let filter = EnvFilter::try_from_env("CAIRN_LOG").unwrap_or_else(|_| EnvFilter::new("error"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let home = args.home.clone().or_else(default_home);
    let outcome = home
        .ok_or_else(|| {
            anyhow::anyhow!("neither --home, CAIRN_HOME nor HOME says where the home folder is")
        })
        .and_then(|home| commands::run(args, &home));
    match outcome {
        Ok(code) => code,
        Err(error) => {
            // nothing is left to do when even standard error is closed
            drop(writeln!(std::io::stderr(), "cairn: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn default_home() -> Option<PathBuf> {
    std::env::var_os("CAIRN_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cairn")))
}
