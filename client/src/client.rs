//! A client: a wallet, a catalog, a market and connections to its nodes.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use cairn_contracts::Chain;
use cairn_wire::{Address, DealId, SecretKey, SectorKind};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::audit::{self, AuditOptions, SlotAudit};
use crate::catalog::{Catalog, ObjectEntry};
use crate::config::Config;
use crate::deployed::check_deployment;
use crate::entropy::Entropy;
use crate::error::{CatalogError, GetError, OpenError, PutError, RemoveError, StatusError};
use crate::get::{self, ByteRange, GetReport};
use crate::market::Market;
use crate::peers::{self, Peers};
use crate::progress::{Progress, Silent};
use crate::put::{self, PutReport};
use crate::status::{self, ObjectStatus, RemovedObject};

/// How much of a commitment is checked before it is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verify {
    /// 128 leaves, each with its fifteen siblings, drawn in secret after the node has signed; all of them for pieces of at
    /// most 2^14 leaves, and for those whose node shows no leaves. A few false leaves may pass: whoever finds one later has
    /// the holder slashed.
    Sample,
    /// All leaves: the commitment is computed here, which takes both sides the same work.
    Full,
}

/// What `put` may be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutOptions {
    /// Pieces needed; the configured number if `None`.
    pub k: Option<u16>,
    /// Pieces made; the configured number if `None`.
    pub n: Option<u16>,
    /// How many periods are paid for.
    pub periods: u32,
    /// Hot: the pieces are stored as they are, read at wire speed; the deal proves possession, not that the providers
    /// are independent of each other. Sealed: each piece becomes part of a replica that only its provider could have
    /// encoded; k providers that collude cannot rebuild the rest on demand without sealing again.
    pub kind: SectorKind,
    /// In how many periods, from the first, slots may be filled; derived from the kind and the parameter set if `None`.
    pub activation_periods: Option<u32>,
    /// Smallest token units per slot and period; what the n-th cheapest reachable provider asks if `None`.
    pub price: Option<u128>,
    /// Whether each segment is sent once, to one of its providers, which codes it and hands the pieces on. Nothing is
    /// trusted to that provider; what it does not deliver is sent directly.
    pub relay: bool,
    /// How much of what nodes commit to is checked against our own bytes before it is accepted.
    pub verify: Verify,
    /// Whether to wait until the accepted pieces are active on chain.
    pub wait: bool,
}

impl Default for PutOptions {
    fn default() -> Self {
        Self {
            k: None,
            n: None,
            periods: 48,
            kind: SectorKind::Hot,
            activation_periods: None,
            price: None,
            relay: false,
            verify: Verify::Sample,
            wait: true,
        }
    }
}

/// Stores and reads objects. Cheap to clone.
pub struct Client<M = Chain> {
    pub(crate) shared: Arc<Shared<M>>,
}

/// What all clones share.
pub(crate) struct Shared<M> {
    pub(crate) market: M,
    pub(crate) wallet: SecretKey,
    pub(crate) config: Config,
    pub(crate) catalog: Catalog,
    pub(crate) peers: Arc<Peers>,
    pub(crate) entropy: Entropy,
    pub(crate) progress: Arc<dyn Progress>,
}

impl<M> Clone for Client<M> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<M> fmt::Debug for Client<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("account", &self.shared.wallet.address())
            .finish_non_exhaustive()
    }
}

impl Client<Chain> {
    /// Opens the client of a home folder: reads its wallet key, connects to the chain, compares the deployment's
    /// parameter set with the one built in.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(config: Config) -> Result<Self, OpenError> {
        Self::open_watched(config, Arc::new(Silent)).await
    }

    /// As [`Client::open`], with an observer.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open_watched(
        config: Config,
        progress: Arc<dyn Progress>,
    ) -> Result<Self, OpenError> {
        let wallet = config.wallet_key()?;
        let deployment = config.deployment()?;
        let market = Chain::connect(&config.rpc_urls, deployment, Some(wallet.clone())).await?;
        check_deployment(&market).await?;
        Ok(Self::with_market(
            market,
            wallet,
            config,
            Entropy::system(),
            progress,
        ))
    }
}

impl<M: Market> Client<M> {
    /// A client on any market.
    pub fn with_market(
        market: M,
        wallet: SecretKey,
        config: Config,
        entropy: Entropy,
        progress: Arc<dyn Progress>,
    ) -> Self {
        let peers = Arc::new(Peers::new(peers::limits(&config.patience)));
        let catalog = Catalog::at(config.catalog_path());
        Self {
            shared: Arc::new(Shared {
                market,
                wallet,
                config,
                catalog,
                peers,
                entropy,
                progress,
            }),
        }
    }

    /// The account that pays.
    #[must_use]
    pub fn account(&self) -> Address {
        self.shared.wallet.address()
    }

    /// The chain.
    #[must_use]
    pub fn market(&self) -> &M {
        &self.shared.market
    }

    /// Stores everything `reader` gives under `name`.
    ///
    /// A node that fails is reported in the result, not an error, as long as every segment has k pieces stored. Once
    /// the deals are open the object stands in the catalog, whatever happens after.
    ///
    /// # Errors
    /// [`PutError`].
    pub async fn put<R>(
        &self,
        reader: R,
        name: &str,
        options: PutOptions,
    ) -> Result<PutReport, PutError>
    where
        R: AsyncRead + Send + Unpin,
    {
        put::put(&self.shared, reader, name, options).await
    }

    /// Writes a range of an object to `sink`, in order, verified and decrypted.
    ///
    /// # Errors
    /// [`GetError`]. What was written until then is right.
    pub async fn get<W>(&self, name: &str, sink: W, range: ByteRange) -> Result<GetReport, GetError>
    where
        W: AsyncWrite + Send + Unpin,
    {
        get::get(&self.shared, name, sink, range).await
    }

    /// Writes a range of an object to a file that appears (or is replaced) only when all of it is there.
    ///
    /// # Errors
    /// [`GetError`]; the file is as it was before.
    pub async fn get_to_file(
        &self,
        name: &str,
        path: &Path,
        range: ByteRange,
    ) -> Result<GetReport, GetError> {
        get::get_to_file(&self.shared, name, path, range).await
    }

    /// The objects in the catalog, by name.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub fn list(&self) -> Result<Vec<(String, ObjectEntry)>, CatalogError> {
        Ok(self.shared.catalog.read()?.objects.into_iter().collect())
    }

    /// What the chain says about one object, or about all.
    ///
    /// # Errors
    /// [`StatusError`].
    pub async fn status(&self, name: Option<&str>) -> Result<Vec<ObjectStatus>, StatusError> {
        status::status(&self.shared, name).await
    }

    /// Asks everybody who holds a piece of an object to show a random part of it, free of charge; who shows nothing is
    /// challenged on chain if the options say so.
    ///
    /// # Errors
    /// [`StatusError`].
    pub async fn audit(
        &self,
        name: &str,
        options: AuditOptions,
    ) -> Result<Vec<SlotAudit>, StatusError> {
        audit::audit(&self.shared, name, options).await
    }

    /// Lets all deals of an object last `periods` longer, paid by the wallet; as long as the providers ask no more than
    /// the deals pay.
    ///
    /// # Errors
    /// [`StatusError`].
    pub async fn extend(&self, name: &str, periods: u32) -> Result<usize, StatusError> {
        let entry = self.shared.catalog.object(name)?;
        for segment in &entry.segments {
            self.shared.market.extend(segment.deal, periods).await?;
        }
        Ok(entry.segments.len())
    }

    /// Ends all deals of an object with the period that is not frozen yet; what was paid for later ones comes back.
    ///
    /// # Errors
    /// [`StatusError`].
    pub async fn end_early(&self, name: &str) -> Result<usize, StatusError> {
        let entry = self.shared.catalog.object(name)?;
        for segment in &entry.segments {
            self.shared.market.end_early(segment.deal).await?;
        }
        Ok(entry.segments.len())
    }

    /// Ends those deals of an object that have had fewer than k filled slots for too long; for each deal whether it was.
    ///
    /// # Errors
    /// [`StatusError`].
    pub async fn end_lost(&self, name: &str) -> Result<Vec<(DealId, bool)>, StatusError> {
        let entry = self.shared.catalog.object(name)?;
        let mut ended = Vec::with_capacity(entry.segments.len());
        for segment in &entry.segments {
            match self.shared.market.end_lost(segment.deal).await {
                Ok(_) => ended.push((segment.deal, true)),
                Err(error) if error.is_refusal("Deals_NotLost") => {
                    ended.push((segment.deal, false));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(ended)
    }

    /// Forgets an object and its key, and says what remains on chain.
    ///
    /// # Errors
    /// [`RemoveError`].
    pub async fn remove(&self, name: &str) -> Result<RemovedObject, RemoveError> {
        status::remove(&self.shared, name).await
    }
}
