//! One GET over plain HTTP/1.1 on this machine: enough to read a node's dashboard.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const WAIT: Duration = Duration::from_secs(5);
const LARGEST_ANSWER_BYTES: u64 = 4 << 20;

/// The body of `http://address/path`; an empty status line or no answer within 5 s is an error.
///
/// # Errors
/// When nothing answers, or not in HTTP.
pub async fn get(address: &str, path: &str) -> Result<String> {
    timeout(WAIT, ask(address, path))
        .await
        .with_context(|| format!("{address} did not answer in {WAIT:?}"))?
}

async fn ask(address: &str, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream
        .take(LARGEST_ANSWER_BYTES)
        .read_to_string(&mut answer)
        .await?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.") => Ok(body.to_owned()),
        _ => bail!("{address} does not speak HTTP"),
    }
}
