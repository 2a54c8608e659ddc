//! Storing an object.
//!
//! | module | what it holds |
//! |---|---|
//! | `ingest` | encrypt into a temporary file, cut, code, hash: all content ids before any deal |
//! | `open` | choose providers, open the deals, wait for confirmation |
//! | `upload` | code each segment again, send the pieces, recompute their commitments behind it |
//! | `slot` | one piece to its provider, and the Acceptance for its Receipt |
//! | `relay` | a segment to one provider, which codes it and hands the pieces on |
//! | `source` | bodies on their way out, counted |
//! | `patience` | how long a node is asked again |
//! | `receipt` | what makes a Receipt worth an Acceptance |
//! | `sample` | leaves under a signed commitment, drawn in secret |
//! | `activate` | wait until the slots are filled on chain |
//! | `report` | what came of it |

mod activate;
mod ingest;
mod open;
mod patience;
mod receipt;
mod relay;
mod report;
mod sample;
mod slot;
mod source;
mod upload;

use std::sync::Arc;

use tokio::io::AsyncRead;

use crate::cipher::ObjectKey;
use crate::client::{PutOptions, Shared};
use crate::error::PutError;
use crate::market::Market;
use crate::plan::Plan;

pub use crate::put::report::{
    ActivationOutcome, PutReport, RelayReport, SegmentReport, SlotReport, SlotResult,
};

/// See [`crate::Client::put`].
pub(crate) async fn put<M: Market>(
    shared: &Arc<Shared<M>>,
    reader: impl AsyncRead + Send + Unpin,
    name: &str,
    options: PutOptions,
) -> Result<PutReport, PutError> {
    let config = &shared.config;
    let (k, n) = (options.k.unwrap_or(config.k), options.n.unwrap_or(config.n));
    if options.periods == 0 {
        return Err(PutError::Terms("a deal lasts at least one period"));
    }
    shared.catalog.expect_free(name)?;
    let plan = Plan::new(k, n, shared.market.parameters().b_max, config.memory_bytes)?;
    let key = ObjectKey::random(&shared.entropy);
    let ingested = ingest::ingest(shared, reader, &plan, &key).await?;
    let opened = open::open(shared, &plan, &ingested, &key, name, &options).await?;
    let uploaded = upload::upload(shared, &plan, ingested, &opened, &options).await?;
    let segments = upload::expect_readable(uploaded.segments, k)?;
    shared.catalog.mark_stored(name)?;
    let activation = if options.wait {
        activate::wait(shared, &segments).await?
    } else {
        ActivationOutcome::NotAwaited
    };
    Ok(PutReport {
        name: name.to_owned(),
        plain_bytes: opened.plain_bytes,
        k,
        n,
        price: opened.price,
        periods: options.periods,
        kind: options.kind,
        activation_periods: opened.activation_periods,
        escrow: opened.escrow,
        opened: opened.receipts,
        line_bytes: uploaded.line_bytes,
        direct_bytes: uploaded.piece_bytes,
        segments,
        activation,
    })
}
