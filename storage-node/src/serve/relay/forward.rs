//! The pieces of a relayed segment to their holders.

use std::sync::Arc;
use std::time::Duration;

use cairn_contracts::ProviderInfo;
use cairn_wire::{
    Address, Client, ErrorCode, Limits, PieceBody, PieceIntake, Receipt, RequestError, SlotOutcome,
    StorePiece, WireError,
};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use crate::dashboard::Counter;
use crate::serve::door::{Door, cannot_ask};
use crate::serve::relay::places::Throttle;
use crate::serve::relay::spool::Spool;

/// Pieces of one segment going out at the same time: few, so that the first Receipts come soon and the client sees that
/// it goes on.
const AT_A_TIME: usize = 4;
/// How long a holder that is busy, or has not seen the deal yet, is asked again. The client, which comes to it directly
/// afterwards, has more patience.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(1);

/// A segment whose pieces are on disk and are the deal's.
pub(super) struct Forwarding {
    pub(super) wire: Client,
    pub(super) throttle: Arc<Throttle>,
    pub(super) door: Door,
    /// In slot order, each with the provider that its slot names.
    pub(super) pieces: Vec<(StorePiece, Address)>,
    pub(super) spool: Spool,
}

/// Hands all pieces on and says what became of each, until it is done, out of time, or nobody listens any more.
pub(super) async fn all(
    forwarding: Forwarding,
    outcomes: mpsc::Sender<SlotOutcome>,
    deadline: Instant,
) {
    let pieces = forwarding.pieces.clone();
    let forwarding = Arc::new(forwarding);
    let turns = Arc::new(Semaphore::new(AT_A_TIME));
    let mut running = JoinSet::new();
    for (piece, provider) in pieces {
        let (forwarding, turns) = (Arc::clone(&forwarding), Arc::clone(&turns));
        let outcomes = outcomes.clone();
        running.spawn(async move {
            let turn = turns.acquire().await;
            let result = forwarding.hand_on(&piece, provider).await;
            drop(turn);
            let slot = piece.slot;
            if outcomes.send(SlotOutcome { slot, result }).await.is_err() {
                tracing::debug!(deal = %piece.deal, %slot, "nobody waits for the relay any more");
            }
        });
    }
    let done = async { while running.join_next().await.is_some() {} };
    tokio::select! {
        ended = timeout_at(deadline, done) => {
            if ended.is_err() {
                tracing::debug!("a relayed segment ran out of time");
            }
        }
        () = outcomes.closed() => tracing::debug!("the client of a relayed segment went away"),
    }
}

impl Forwarding {
    async fn hand_on(&self, piece: &StorePiece, provider: Address) -> Result<Receipt, WireError> {
        if provider == self.door.context.me {
            return self.keep(piece).await;
        }
        let metrics = &self.door.context.metrics;
        let handed = self.forward(piece, provider).await;
        match &handed {
            Ok(_) => {
                metrics.count(Counter::PiecesForwarded);
                metrics.add(Counter::BytesForwarded, piece.byte_len);
            }
            Err(error) => {
                metrics.count(Counter::ForwardsFailed);
                tracing::debug!(deal = %piece.deal, slot = %piece.slot, %provider, %error, "not handed on");
            }
        }
        handed
    }

    /// This node's own slot: the same door and the same intake as for a piece that a client sends.
    async fn keep(&self, piece: &StorePiece) -> Result<Receipt, WireError> {
        let refused = |_: &WireError| self.door.context.metrics.count(Counter::PiecesRefused);
        let admitted = self.door.admitted(*piece).await;
        let intake = Box::new(admitted.inspect_err(refused)?);
        let source = Box::new(self.spool.source(piece.slot.0, None));
        let mut body = PieceBody::from_source(source, piece.byte_len, &Limits::default());
        intake.receive(&mut body).await
    }

    async fn forward(&self, piece: &StorePiece, provider: Address) -> Result<Receipt, WireError> {
        let chain = &self.door.context.chain;
        let holder = chain
            .provider(provider)
            .await
            .map_err(|fault| cannot_ask(&fault))?
            .ok_or_else(|| WireError::not_found("the slot's provider is not registered"))?;
        let start = Instant::now();
        loop {
            match self.send(piece, &holder).await {
                Err(error) if may_pass(&error) && start.elapsed() < PATIENCE => {
                    tracing::debug!(%provider, %error, "trying again");
                }
                outcome => return outcome,
            }
            sleep(PAUSE).await;
        }
    }

    async fn send(&self, piece: &StorePiece, holder: &ProviderInfo) -> Result<Receipt, WireError> {
        let connection = self
            .wire
            .connect(&holder.endpoint, holder.tls_pin)
            .await
            .map_err(|error| WireError::internal(format_args!("no way to the holder: {error}")))?;
        let source = self.spool.source(piece.slot.0, Some(&self.throttle));
        let stored = connection.store_piece(piece, source).await;
        stored.map_err(|error| match error {
            RequestError::Refused(refusal) => refusal,
            error => WireError::internal(format_args!("the holder: {error}")),
        })
    }
}

/// Whether the same request may soon succeed.
fn may_pass(error: &WireError) -> bool {
    matches!(error.code(), ErrorCode::Busy | ErrorCode::NotFound)
}
