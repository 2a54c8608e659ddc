//! Put a file, get it back verified; library and the `cairn` command.
//!
//! ```text
//! put:  encrypt -> cut into segments -> code n pieces -> hash -> open the deals (one transaction) -> upload
//!       -> check every Receipt against our own bytes -> send Acceptances -> wait until the pieces are in sectors
//! get:  ask k + 2 nodes for the rows that hold the range -> verify every 16 KiB -> decode -> decrypt -> write
//! repair: ask k nodes for a part of their pieces -> verify every 16 KiB -> code the lost pieces' part -> hash -> write
//! ```
//!
//! A node is believed nothing: what it serves is checked against the BLAKE3 content id in the catalog, what it promises
//! against the commitment computed here, who it is against the key hash in the registry on the chain.
//!
//! | module | what it holds |
//! |---|---|
//! | `client` | [`Client`]: the verbs |
//! | `config` | [`Config`]: the home folder, its wallet key and settings |
//! | `deployed` | [`check_deployment`]: is the deployment one that this software can believe |
//! | [`durability`] | the chance that a loss is caught, and that a segment is lost |
//! | `catalog` | [`Catalog`]: names, keys and manifests in one local file |
//! | `cipher` | [`ObjectCipher`]: AES-256-GCM in the STREAM construction, with random access |
//! | `plan` | [`Plan`]: how an object is cut, from k, n, the largest piece and a bound on memory |
//! | `choose` | which providers, at which price |
//! | `market` | [`Market`]: what the client needs from the chain |
//! | `peers` | connections to nodes, one each |
//! | `fetch` | verified parts of pieces, from the nodes that hold them |
//! | `put`, `get`, `status` | the verbs' work |
//! | `repair` | [`Repairer`]: lost pieces of a deal made again from k siblings, for a node that repairs |
//! | `task` | a task that ends with whoever waits for it |
//! | `audit` | asking the holders of pieces to show some of them |
//! | `progress` | [`Progress`]: what a user interface may watch |
//! | `entropy` | [`Entropy`]: where random bytes come from |
//! | `error` | one enum a verb |
//!
//! ```no_run
//! use cairn_client::{ByteRange, Client, Config, PutOptions};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::open(Config::read("/home/me/.cairn".as_ref())?).await?;
//! let file = tokio::fs::File::open("holiday.tar").await?;
//! let report = client.put(file, "holiday 2026", PutOptions::default()).await?;
//! println!("{} bytes in {} deals", report.plain_bytes, report.segments.len());
//!
//! let mut first_kib = Vec::new();
//! client.get("holiday 2026", &mut first_kib, ByteRange::of(0..1024)).await?;
//! client.get_to_file("holiday 2026", "copy.tar".as_ref(), ByteRange::all()).await?;
//! # Ok(())
//! # }
//! ```

mod audit;
mod catalog;
mod choose;
mod cipher;
mod client;
mod config;
mod deployed;
pub mod durability;
mod entropy;
mod error;
mod fetch;
mod files;
mod get;
mod market;
mod peers;
mod plan;
mod progress;
mod put;
mod repair;
mod status;
mod task;

pub use crate::audit::{AuditAnswer, AuditOptions, SlotAudit};
pub use crate::catalog::{
    CATALOG_VERSION, Catalog, CatalogFile, ObjectEntry, ObjectKind, ObjectState, PieceEntry,
    SegmentEntry,
};
pub use crate::choose::{Candidate, price_for};
pub use crate::cipher::{CHUNK_BYTES, ObjectCipher, ObjectKey, TAG_BYTES, cipher_len};
pub use crate::client::{Client, PutOptions, Verify};
pub use crate::config::{Config, InitOptions, Patience};
pub use crate::deployed::check_deployment;
pub use crate::entropy::Entropy;
pub use crate::error::{
    CatalogError, ChooseError, CipherError, ConfigError, GetError, OpenError, PlanError, PutError,
    ReceiptError, RemoveError, RepairError, SlotError, StatusError,
};
pub use crate::fetch::PeerTrouble;
pub use crate::get::{ByteRange, GetReport, NotARange};
pub use crate::market::{Market, ReplicaStage, ReplicaUnderWay};
pub use crate::plan::Plan;
pub use crate::progress::{Progress, Silent, Stage};
pub use crate::put::{
    ActivationOutcome, PutReport, RelayReport, SegmentReport, SlotReport, SlotResult,
};
pub use crate::repair::{RebuildOptions, Rebuilt, Repairer};
pub use crate::status::{
    DealStatus, ObjectStatus, RemovedDeal, RemovedObject, Sealing, SlotReading,
};

/// The README's example, compiled with the doctests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
