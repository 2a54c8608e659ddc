//! Connections to nodes, one each, made when first needed and made again when lost.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cairn_contracts::ProviderInfo;
use cairn_wire::{Client as WireClient, ConnectError, Connection, Eip712Domain, Limits};
use tokio::task::JoinSet;

use crate::choose::Candidate;
use crate::config::Patience;

/// Nodes asked who they are at the same time.
const PROBES: usize = 32;

type Line = Arc<tokio::sync::Mutex<Option<Connection>>>;

/// All connections of a client.
#[derive(Debug)]
pub(crate) struct Peers {
    wire: WireClient,
    lines: Mutex<HashMap<([u8; 32], String), Line>>,
}

/// The wire's limits with this client's patience.
pub(crate) fn limits(patience: &Patience) -> Limits {
    Limits {
        handshake_timeout: Duration::from_secs(patience.connect_s.max(1)),
        request_timeout: Duration::from_secs(patience.answer_s.max(1)),
        body_stall: Duration::from_secs(patience.stall_s.max(1)),
        ..Limits::default()
    }
}

impl Peers {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            wire: WireClient::new(limits),
            lines: Mutex::default(),
        }
    }

    /// The longest part of a piece that may be asked for at once.
    pub(crate) fn longest_range(&self) -> u64 {
        self.wire.limits().max_range_bytes
    }

    /// An open connection to the node behind a registry entry. Those who ask at the same time share one attempt.
    pub(crate) async fn connect(&self, info: &ProviderInfo) -> Result<Connection, ConnectError> {
        let line = {
            let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(
                lines
                    .entry((info.tls_pin, info.endpoint.clone()))
                    .or_default(),
            )
        };
        let mut line = line.lock().await;
        if let Some(connection) = line.as_ref().filter(|connection| !connection.is_closed()) {
            return Ok(connection.clone());
        }
        let connection = self.wire.connect(&info.endpoint, info.tls_pin).await?;
        *line = Some(connection.clone());
        Ok(connection)
    }

    /// Those of `infos` that answer, follow this market and take pieces of 2^b leaves; why not, for the others.
    pub(crate) async fn probe(
        self: &Arc<Self>,
        infos: Vec<ProviderInfo>,
        domain: Eip712Domain,
        b: u8,
    ) -> (Vec<Candidate>, Vec<String>) {
        let mut waiting = infos.into_iter();
        let mut running = JoinSet::new();
        let (mut found, mut reasons) = (Vec::new(), Vec::new());
        loop {
            while running.len() < PROBES {
                let Some(info) = waiting.next() else { break };
                let peers = Arc::clone(self);
                running.spawn(async move {
                    let outcome = peers.ask_info(&info, domain, b).await;
                    (info, outcome)
                });
            }
            match running.join_next().await {
                None => return (found, reasons),
                Some(Ok((info, Ok(free_bytes)))) => found.push(Candidate { info, free_bytes }),
                Some(Ok((info, Err(reason)))) => {
                    reasons.push(format!("{} at {}: {reason}", info.address, info.endpoint));
                }
                Some(Err(error)) => reasons.push(error.to_string()),
            }
        }
    }

    async fn ask_info(
        &self,
        info: &ProviderInfo,
        domain: Eip712Domain,
        b: u8,
    ) -> Result<u64, String> {
        let connection = self
            .connect(info)
            .await
            .map_err(|error| error.to_string())?;
        let node = connection.info().await.map_err(|error| error.to_string())?;
        if node.chain_id != domain.chain_id || node.deals != domain.deals {
            return Err(format!(
                "follows contract {} on chain {}",
                node.deals, node.chain_id
            ));
        }
        if node.provider != info.address {
            return Err(format!("serves provider {}", node.provider));
        }
        if node.b_max < b {
            return Err(format!(
                "takes pieces of at most 2^{} leaves, this one has 2^{b}",
                node.b_max
            ));
        }
        Ok(node.free_bytes)
    }
}
